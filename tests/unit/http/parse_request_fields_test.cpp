// The field section (RFC 9112 5): what two parsers could read differently.

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::RequestHead;

namespace {

std::string with_fields(std::string_view fields) {
    return fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
}

bool parses(std::string_view bytes) {
    return any_split<RequestHead>(bytes).find(" bytes: ") != std::string::npos;
}

}  // namespace

TEST_CASE("values lose the white space around them and nothing else") {
    struct Row {
        std::string_view line;
        std::string_view value;
    };
    for (const Row& row : {
             Row{"X:y", "y"},
             Row{"X: y", "y"},
             Row{"X: y \t", "y"},
             Row{"X:\ty", "y"},
             Row{"X: \t \t y z\t\t", "y z"},
             Row{"X: y:z:", "y:z:"},
             Row{"X::", ":"},
             Row{"X:", ""},
             Row{"X:   ", ""},
             Row{"X: \"a, b\"", "\"a, b\""},
             Row{"X: \x80\xFF", "\x80\xFF"},
             Row{"X: a\tb", "a\tb"},
             Row{"X: a  b", "a  b"},
             Row{"X: chunked, identity;q=0", "chunked, identity;q=0"},
         }) {
        const std::string bytes = with_fields(std::string(row.line) + "\r\n");
        CAPTURE(visible(bytes));
        CHECK(parses(bytes));
        const RequestHead head = parsed<RequestHead>(bytes);
        REQUIRE(head.fields.find("X") != nullptr);
        CHECK(head.fields.find("X")->value == row.value);
        CHECK(head.fields.find("X")->name == "X");
    }
}

TEST_CASE("each byte in a name and in a value") {
    constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool alnum = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                           (byte >= 'A' && byte <= 'Z');
        const bool token = alnum || (byte != 0 && kTokenMarks.find(c) != std::string_view::npos);
        const bool value = c == '\t' || (byte >= 0x20 && byte != 0x7F);
        CAPTURE(byte);
        CHECK(parses(with_fields(std::string("X") + c + "Y: z\r\n")) == (token || c == ':'));
        CHECK(parses(with_fields(std::string(1, c) + "Y: z\r\n")) == token);
        CHECK(parses(with_fields(std::string("XY") + c + ": z\r\n")) == (token || c == ':'));
        CHECK(parses(with_fields(std::string("X: y") + c + "z\r\n")) == value);
        CHECK(parses(with_fields(std::string("X:") + c + "z\r\n")) == value);
        CHECK(parses(with_fields(std::string("X: z") + c + "\r\n")) == value);
        CHECK(parses(with_fields(std::string("X: y\r") + c + "Y: z\r\n")) == (c == '\n'));
    }
}

TEST_CASE("lines that hide, split or join fields are refused") {
    for (const std::string_view fields : {
             // Names that are empty, spaced or missing.
             std::string_view(": y\r\n"),
             std::string_view(":\r\n"),
             std::string_view(" : y\r\n"),
             std::string_view("X : y\r\n"),
             std::string_view("X\t: y\r\n"),
             std::string_view("X Y: z\r\n"),
             std::string_view(" X: y\r\n"),
             std::string_view("\tX: y\r\n"),
             std::string_view("X\r\n"),
             std::string_view("X y\r\n"),
             std::string_view("Content-Length 5\r\n"),
             std::string_view("Content-Length : 5\r\n"),
             std::string_view("Transfer-Encoding : chunked\r\n"),
             std::string_view("Transfer-Encoding\t:chunked\r\n"),
             std::string_view("Transfer-Encoding\x0B: chunked\r\n"),
             std::string_view("Transfer-Encoding\0: chunked\r\n", 29),
             std::string_view("\"Transfer-Encoding\": chunked\r\n"),
             std::string_view("[Transfer-Encoding]: chunked\r\n"),
             std::string_view("Transfer-Encoding\xFF: chunked\r\n"),
             std::string_view("Transf\xE9r-Encoding: chunked\r\n"),
             std::string_view("X, Y: z\r\n"),
             std::string_view("GET / HTTP/1.1\r\n"),
             std::string_view("=\r\n"),
             // Folding.
             std::string_view("X: y\r\n z\r\n"),
             std::string_view("X: y\r\n\tz\r\n"),
             std::string_view("X:\r\n y\r\n"),
             std::string_view("X: y\r\n \r\n"),
             std::string_view("Transfer-Encoding:\r\n chunked\r\n"),
             std::string_view("Transfer-Encoding: chunked\r\n , identity\r\n"),
             std::string_view("Content-Length: 5\r\n 0\r\n"),
             std::string_view("X: y\r\n : z\r\n"),
             // Line ends.
             std::string_view("X: y\n"),
             std::string_view("X: y\r"),
             std::string_view("X: y\n\r\n"),
             std::string_view("X: y\r\r\n"),
             std::string_view("X: y\rZ: 1\r\n"),
             std::string_view("X: y\nZ: 1\r\n"),
             std::string_view("X: y\nTransfer-Encoding: chunked\r\n"),
             std::string_view("X: y\rTransfer-Encoding: chunked\r\n"),
             std::string_view("X: y\r\n\nZ: 1\r\n"),
             std::string_view("X: y\r\n\rZ: 1\r\n"),
             std::string_view("X\n: y\r\n"),
             std::string_view("X:\ny\r\n"),
             std::string_view("\nX: y\r\n"),
             std::string_view("\rX: y\r\n"),
             std::string_view("X: y\n\r"),
             // Control bytes that other parsers drop, stop at or take for white space.
             std::string_view("X: a\0b\r\n", 8),
             std::string_view("X: \0\r\n", 6),
             std::string_view("\0X: y\r\n", 7),
             std::string_view("X\0: y\r\n", 7),
             std::string_view("X: a\x0B\r\n"),
             std::string_view("X: a\x0C\r\n"),
             std::string_view("X: a\x1B[31m\r\n"),
             std::string_view("X: a\x7F\r\n"),
             std::string_view("X: a\x08\r\n"),
             std::string_view("X: a\x01\r\n"),
             std::string_view("Transfer-Encoding: \x0B"
                              "chunked\r\n"),
             std::string_view("Transfer-Encoding: chunked\x0C\r\n"),
             std::string_view("Content-Length: 5\0\r\n", 20),
             std::string_view("Content-Length: 5\0 6\r\n", 22),
         }) {
        check_request(with_fields(fields), kBadRequest);
    }
}

TEST_CASE("what is odd but has one reading parses, for the rules above to judge") {
    for (const std::string_view fields :
         {"Content_Length: 5\r\n", "X-HTTP-Method-Override: GET\r\n", "Upgrade: h2c\r\n",
          "Connection: Upgrade, close, X\r\n", "Cookie: a=b\r\nCookie: c=d\r\n",
          "Expect: 100-continue\r\n", "Trailer: X\r\n", "TE: trailers\r\n", "X: y\r\nX: y\r\n",
          "Content-Length: 1\r\nContent-Length: 2\r\n", "Range: bytes=0-\r\n"}) {
        const std::string bytes = with_fields(fields);
        CAPTURE(visible(bytes));
        CHECK(parses(bytes));
    }
}

TEST_CASE("the head ends at its first empty line") {
    const std::string bytes = with_fields("X: y\r\n");
    const std::string next = "GET /owa HTTP/1.1\r\nHost: b\r\n\r\n";
    const std::string outcome = any_split<RequestHead>(bytes + next);
    CHECK(outcome == any_split<RequestHead>(bytes));
    CHECK(outcome.starts_with(fmt::format("{} bytes: ", bytes.size())));
    check_request(bytes + std::string("\0\n\r\n", 4), outcome);
    check_request("POST / HTTP/1.1\r\nHost: a\r\n\n", kBadRequest);
    check_request("POST / HTTP/1.1\r\nHost: a\r\n\rX", kBadRequest);
    check_request("POST / HTTP/1.1\n\n", kBadRequest);
    check_request("POST / HTTP/1.1\nHost: a\n\n", kBadRequest);
    check_request("POST / HTTP/1.1\r\nHost: a\n\r\n", kBadRequest);
}

TEST_CASE("every beginning of a good head needs more") {
    const std::string bytes =
        with_fields("Transfer-Encoding: chunked\r\nX-Name: J\xFCrgen\r\nX:\r\n");
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK(head_outcome<RequestHead>(std::string_view(bytes).substr(0, size)) == kNeedMore);
    }
    CHECK(parses(bytes));
}
