// Property: an answer's head means the same in any pieces, and is the same when written anew and
// read.

#include <string>
#include <vector>

#include "proxy/http/framing.h"
#include "proxy/http/parse.h"
#include "proxy/http/status.h"
#include "proxy/http/write.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/http_outcome.h"

namespace {

using namespace eg;

void write_and_read(http::ResponseHead head, std::size_t size) {
    std::vector<char> memory(2 * size + 64);
    http::HeadWriter writer(memory);
    writer.status_line(head.status, head.reason);
    for (const http::Field& field : head.fields) {
        writer.field(field);
    }
    writer.end();
    EG_CHECK(!writer.failed());

    http::HeadScan scan;
    http::ResponseHead again;
    const http::HeadLimits roomy{.bytes = memory.size() + 1, .count = head.fields.size()};
    const auto taken = http::parse_response_head(writer.written(), roomy, scan, again);
    EG_CHECK(taken.has_value() && *taken == writer.written().size());
    again.minor_version = head.minor_version;
    if (head.reason.empty()) {
        head.reason = http::reason_phrase(head.status);
    }
    EG_CHECK(test::show(again) == test::show(head));
    for (const http::Method method : {http::Method::post, http::Method::head}) {
        EG_CHECK(test::show(http::response_framing(again, method)) ==
                 test::show(http::response_framing(head, method)));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = eg::fuzz::as_text(data, size);
    const http::HeadLimits limits{.bytes = 2048, .count = 20};
    const std::string whole = test::head_outcome<http::ResponseHead>(bytes, {}, limits);
    // Byte by byte up to 64 bytes, and in some 64 pieces beyond: each piece copies all before it.
    const std::size_t middle = size == 0 ? 0 : data[size / 2] % size;
    EG_CHECK(whole == test::head_outcome<http::ResponseHead>(bytes, {middle}, limits));
    EG_CHECK(whole == test::head_outcome<http::ResponseHead>(
                          bytes, test::every(size / 64 + 1, size), limits));

    http::HeadScan scan;
    http::ResponseHead head;
    const auto taken = http::parse_response_head(bytes, limits, scan, head);
    if (taken && *taken != 0) {
        EG_CHECK(head.status >= 100 && head.status <= 599);
        write_and_read(head, *taken);
    }
    return 0;
}
