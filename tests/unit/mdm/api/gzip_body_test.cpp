#include "mdm/api/gzip_body.h"

#include <zlib.h>

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

using namespace eg;
using namespace eg::mdm;

namespace {

/// Gives `pieces` pieces, then ends or fails.
class Lines final : public server::BodySource {
  public:
    Lines(int pieces, bool fails) : left_(pieces), fails_(fails) {}
    bool read(std::string& out, bool& failed) override {
        if (left_ == 0) {
            failed = fails_;
            return false;
        }
        out += std::string(1000, static_cast<char>('a' + left_ % 26)) + '\n';
        --left_;
        return true;
    }

  private:
    int left_;
    bool fails_;
};

std::string gunzip(std::string packed) {
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    std::array<char, 4096> buffer;
    int result = Z_OK;
    while (result == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        result = inflate(&stream, Z_NO_FLUSH);
        text.append(buffer.data(), buffer.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    CHECK(result == Z_STREAM_END);
    CHECK(stream.avail_in == 0);
    return text;
}

}  // namespace

TEST_CASE("what Accept-Encoding allows") {
    for (const char* yes : {"gzip", "GZIP", "x-gzip", "br, gzip", "deflate;q=0.5, gzip;q=0.1", "*",
                            "gzip;q=1", " gzip ; q=0.001", "identity;q=0, *"}) {
        CAPTURE(yes);
        CHECK(accepts_gzip(yes));
    }
    for (const char* no : {"", "identity", "br", "gzip;q=0", "gzip; Q=0.000", "*;q=0",
                           "gzip;q=0, *", "gzipped", ","}) {
        CAPTURE(no);
        CHECK_FALSE(accepts_gzip(no));
    }
}

TEST_CASE("a body reads back, and no piece before its end is empty") {
    for (const int pieces : {0, 1, 5, 3000}) {
        CAPTURE(pieces);
        GzipBody body(std::make_unique<Lines>(pieces, false));
        std::string packed;
        bool failed = false;
        for (std::string piece; body.read(piece, failed); piece.clear()) {
            CHECK_FALSE(piece.empty());
            packed += piece;
        }
        CHECK_FALSE(failed);
        CHECK(gunzip(packed).size() == static_cast<std::size_t>(pieces) * 1001);
    }
}

TEST_CASE("a source that fails fails the body") {
    GzipBody body(std::make_unique<Lines>(3, true));
    std::string packed;
    bool failed = false;
    while (body.read(packed, failed) && !failed) {
    }
    CHECK(failed);
}
