#include "mdm/api/gzip_body.h"

#include <zlib.h>

#include <array>
#include <optional>

#include "proxy/base/check.h"
#include "proxy/base/text.h"

namespace eg::mdm {
namespace {

constexpr int kGzipWindow = 15 + 16;             // zlib: +16 asks for the gzip wrapper
constexpr std::size_t kEnoughBytes = 16 * 1024;  // given out at once

/// The weight of `;q=0.5` in an element; 1 if it has none. Only zero or not matters to us.
bool has_weight_zero(std::string_view parameters) {
    const std::size_t at = parameters.find('=');
    if (at == std::string_view::npos || !iequals(trim(parameters.substr(0, at)), "q")) {
        return false;
    }
    const std::string_view weight = trim(parameters.substr(at + 1));
    return weight.starts_with('0') && weight.find_first_of("123456789") == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
    std::optional<bool> any;
    while (!accept_encoding.empty()) {
        const std::size_t comma = accept_encoding.find(',');
        const std::string_view element = accept_encoding.substr(0, comma);
        accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size()
                                                                      : comma + 1);
        const std::size_t semicolon = element.find(';');
        const std::string_view coding = trim(element.substr(0, semicolon));
        const bool allowed =
            semicolon == std::string_view::npos || !has_weight_zero(element.substr(semicolon + 1));
        if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) {
            return allowed;
        }
        if (coding == "*") {
            any = allowed;
        }
    }
    return any.value_or(false);
}

struct GzipBody::Stream {
    z_stream zlib{};
    Stream() {
        // The fastest level: device lines shrink to a fifth with it, to a sixth with the best.
        EG_CHECK(deflateInit2(&zlib, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8,
                              Z_DEFAULT_STRATEGY) == Z_OK);
    }
    ~Stream() { deflateEnd(&zlib); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    void add(std::string& input, int flush, std::string& out) {
        zlib.next_in = reinterpret_cast<Bytef*>(input.data());
        zlib.avail_in = static_cast<uInt>(input.size());
        std::array<char, 16 * 1024> buffer;
        do {
            zlib.next_out = reinterpret_cast<Bytef*>(buffer.data());
            zlib.avail_out = static_cast<uInt>(buffer.size());
            deflate(&zlib, flush);
            out.append(buffer.data(), buffer.size() - zlib.avail_out);
        } while (zlib.avail_out == 0);
    }
};

GzipBody::GzipBody(std::unique_ptr<server::BodySource> plain)
    : plain_(std::move(plain)), stream_(std::make_unique<Stream>()) {}
GzipBody::~GzipBody() = default;

bool GzipBody::read(std::string& out, bool& failed) {
    const std::size_t before = out.size();
    while (!ended_ && out.size() < before + kEnoughBytes) {
        piece_.clear();
        const bool more = plain_->read(piece_, failed);
        if (failed) {
            return false;
        }
        stream_->add(piece_, more ? Z_NO_FLUSH : Z_FINISH, out);
        ended_ = !more;
    }
    return out.size() > before;
}

}  // namespace eg::mdm
