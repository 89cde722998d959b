// Property: a request head means the same in any pieces, and is the same when written anew and
// read.

#include <string>
#include <vector>

#include "proxy/http/framing.h"
#include "proxy/http/parse.h"
#include "proxy/http/target.h"
#include "proxy/http/write.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/http_outcome.h"

namespace {

using namespace eg;

// As a gate would send it on: the target in origin form, the fields one by one.
void write_and_read(const http::RequestHead& head, std::size_t size) {
    std::vector<char> memory(2 * size + 64);
    http::HeadWriter writer(memory);
    writer.request_line(head.method_text, head.path, head.has_query, head.query);
    for (const http::Field& field : head.fields) {
        writer.field(field);
    }
    writer.end();
    EG_CHECK(!writer.failed());

    http::HeadScan scan;
    http::RequestHead again;
    const http::HeadLimits roomy{.bytes = memory.size() + 1, .count = head.fields.size()};
    const auto taken = http::parse_request_head(writer.written(), roomy, scan, again);
    if (head.host.empty()) {
        EG_CHECK(!taken);  // we write HTTP/1.1, which needs a Host field
        return;
    }
    EG_CHECK(taken.has_value() && *taken == writer.written().size());
    again.minor_version = head.minor_version;
    EG_CHECK(test::show(again) == test::show(head));
    EG_CHECK(test::show(http::request_framing(again)) == test::show(http::request_framing(head)));
}

// What must hold for each head that parses, said without the parser's own means.
void check_head(const http::RequestHead& head) {
    EG_CHECK(head.path == "*" || head.path.starts_with('/'));
    EG_CHECK(head.target.find_first_of("# \t\r\n") == std::string_view::npos);
    EG_CHECK(head.minor_version <= 1 && (head.minor_version == 0 || !head.host.empty()));
    for (const http::Field& field : head.fields) {
        EG_CHECK(!field.name.empty());
        EG_CHECK(field.value.find_first_of(std::string_view("\0\r\n", 3)) ==
                 std::string_view::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = eg::fuzz::as_text(data, size);
    const http::HeadLimits limits{.bytes = 2048, .count = 20};
    const std::string whole = test::head_outcome<http::RequestHead>(bytes, {}, limits);
    // Byte by byte up to 64 bytes, and in some 64 pieces beyond: each piece copies all before it.
    const std::size_t middle = size == 0 ? 0 : data[size / 2] % size;
    EG_CHECK(whole == test::head_outcome<http::RequestHead>(bytes, {middle}, limits));
    EG_CHECK(whole == test::head_outcome<http::RequestHead>(bytes, test::every(size / 64 + 1, size),
                                                            limits));

    http::HeadScan scan;
    http::RequestHead head;
    const auto taken = http::parse_request_head(bytes, limits, scan, head);
    if (taken && *taken != 0) {
        check_head(head);
        write_and_read(head, *taken);
    }
    return 0;
}
