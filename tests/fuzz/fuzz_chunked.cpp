// Property: a chunked body means the same in any pieces, and is the same when chunked anew and
// read.

#include <algorithm>
#include <array>
#include <string>

#include "proxy/http/framing.h"
#include "proxy/http/write.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/http_outcome.h"

namespace {

using namespace eg;

constexpr http::Framing kChunked{.kind = http::Framing::Kind::chunked, .length = 0};

std::string chunk(std::string_view data, std::size_t step) {
    std::string out;
    while (!data.empty()) {
        const std::string_view part = data.substr(0, step);
        std::array<char, 18> size{};
        out.append(size.data(), http::write_chunk_size(part.size(), size));
        out.append(part).append("\r\n");
        data.remove_prefix(part.size());
    }
    return out.append(http::kLastChunk);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = eg::fuzz::as_text(data, size);
    const std::string whole = test::body_outcome(kChunked, bytes);
    for (const std::size_t step : {1U, 2U, 7U}) {
        EG_CHECK(whole == test::body_outcome(kChunked, bytes, step));
    }
    if (whole.ends_with(" bytes")) {
        const std::string body = whole.substr(0, whole.rfind('|'));
        const std::string anew = chunk(body, std::max<std::size_t>(1, body.size() / 3));
        const std::string expected = body + "|" + std::to_string(anew.size()) + " bytes";
        EG_CHECK(test::body_outcome(kChunked, anew + "POST / HTTP/1.1") == expected);
    }
    return 0;
}
