#include "proxy/http/write.h"

#include <array>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::Fields;
using http::HeadWriter;

namespace {

Fields connection(std::initializer_list<std::string_view> values) {
    Fields fields;
    for (const std::string_view value : values) {
        fields.add({.name = "X", .value = "close, keep-alive", .id = http::FieldName::other});
        fields.add({.name = "Connection", .value = value, .id = http::FieldName::connection});
    }
    return fields;
}

bool field_fails(std::string_view name, std::string_view value) {
    std::array<char, 256> memory{};
    HeadWriter writer(memory);
    writer.field(name, value);
    return writer.failed();
}

bool line_fails(std::string_view method, std::string_view path, bool has_query,
                std::string_view query) {
    std::array<char, 256> memory{};
    HeadWriter writer(memory);
    writer.request_line(method, path, has_query, query);
    return writer.failed();
}

}  // namespace

TEST_CASE("a request head is written as it is read") {
    std::array<char, 256> memory{};
    HeadWriter writer(memory);
    writer.request_line("POST", "/Microsoft-Server-ActiveSync", true, "Cmd=Ping&a?b");
    writer.field("Host", "mail.example.com:8443");
    writer.field("Content-Length", std::uint64_t{18446744073709551615U});
    writer.field("X-Empty", "");
    writer.field("X-Name", "J\xFCrgen\tK");
    writer.end();
    CHECK_FALSE(writer.failed());
    CHECK(writer.written() ==
          "POST /Microsoft-Server-ActiveSync?Cmd=Ping&a?b HTTP/1.1\r\n"
          "Host: mail.example.com:8443\r\n"
          "Content-Length: 18446744073709551615\r\n"
          "X-Empty: \r\n"
          "X-Name: J\xFCrgen\tK\r\n"
          "\r\n");
}

TEST_CASE("the question mark of a query stands or falls with has_query") {
    for (const bool has_query : {false, true}) {
        std::array<char, 64> memory{};
        HeadWriter writer(memory);
        writer.request_line("OPTIONS", "/a", has_query, "");
        CHECK_FALSE(writer.failed());
        CHECK(writer.written() ==
              (has_query ? "OPTIONS /a? HTTP/1.1\r\n" : "OPTIONS /a HTTP/1.1\r\n"));
    }
}

TEST_CASE("a status line has the standard reason unless another is given") {
    struct Row {
        unsigned status;
        std::string_view reason;
        std::string_view line;
    };
    for (const Row& row : {
             Row{200, "", "HTTP/1.1 200 OK\r\n"},
             Row{503, "", "HTTP/1.1 503 Service Unavailable\r\n"},
             Row{451, "Redirect", "HTTP/1.1 451 Redirect\r\n"},
             Row{299, "", "HTTP/1.1 299 Status\r\n"},
             Row{100, "", "HTTP/1.1 100 Continue\r\n"},
             Row{599, "x", "HTTP/1.1 599 x\r\n"},
         }) {
        std::array<char, 64> memory{};
        HeadWriter writer(memory);
        writer.status_line(row.status, row.reason);
        CHECK_FALSE(writer.failed());
        CHECK(writer.written() == row.line);
    }
    for (const unsigned status : {0U, 1U, 99U, 600U, 1000U, 4294967295U}) {
        std::array<char, 64> memory{};
        HeadWriter writer(memory);
        writer.status_line(status, "x");
        CHECK(writer.failed());
    }
    std::array<char, 64> memory{};
    HeadWriter writer(memory);
    writer.status_line(200, "O\r\nX: y");
    CHECK(writer.failed());
}

TEST_CASE("a value with a control byte fails the writer, a name is a token") {
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const char c = static_cast<char>(byte);
        const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7F;
        CHECK(field_fails("X", std::string("a") + c + "b") == control);
        CHECK(field_fails("X", std::string(1, c)) == control);
        CHECK(field_fails(std::string("X") + c, "a") == !http::is_in(http::kTokenChar, c));
        CHECK(field_fails(std::string(1, c) + "X", "a") == !http::is_in(http::kTokenChar, c));
    }
    CHECK(field_fails("", "a"));
    CHECK(field_fails("X: y\r\nZ", "a"));
    CHECK(field_fails("X", "a\r\nTransfer-Encoding: chunked"));
    CHECK(field_fails("X", "a\nb"));
}

TEST_CASE("a request line can't be made to say something else") {
    CHECK_FALSE(line_fails("POST", "/a", true, "b"));
    CHECK_FALSE(line_fails("OPTIONS", "*", false, ""));
    CHECK(line_fails("", "/a", false, ""));
    CHECK(line_fails("PO ST", "/a", false, ""));
    CHECK(line_fails("POST /x HTTP/1.1\r\nX:", "/a", false, ""));
    CHECK(line_fails("POST", "", false, ""));
    CHECK(line_fails("POST", "/a b", false, ""));
    CHECK(line_fails("POST", "/a?b", false, ""));
    CHECK(line_fails("POST", "/a?b", true, "c"));
    CHECK(line_fails("POST", "/a#b", false, ""));
    CHECK(line_fails("POST", "/a\r\nX: y", false, ""));
    CHECK(line_fails("POST", "/\xC3\xA4", false, ""));
    CHECK(line_fails("POST", "/a", true, "b c"));
    CHECK(line_fails("POST", "/a", true, "b HTTP/1.1\r\nX: y"));
    CHECK(line_fails("POST", "/a", true, "b#c"));
    CHECK(line_fails("POST", "/a", false, "lost"));
    CHECK(line_fails("POST", std::string_view("/a\0", 3), false, ""));
}

TEST_CASE("a failed writer stays failed and never writes beyond its memory") {
    const std::string_view whole = "GET /a HTTP/1.1\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        std::string memory(whole.size() + 1, '#');
        HeadWriter writer(std::span(memory.data(), size));
        writer.request_line("GET", "/a", false, "");
        writer.field("X", "y");
        writer.end();
        CHECK(writer.failed() == (size < whole.size()));
        CHECK(writer.written().size() <= size);
        CHECK(memory.substr(size).find_first_not_of('#') == std::string::npos);
    }
    std::array<char, 256> memory{};
    HeadWriter writer(memory);
    writer.field("X", "a\nb");
    writer.field("X", "fine");
    writer.end();
    CHECK(writer.failed());
}

TEST_CASE("fields of one connection are never sent on") {
    for (const std::string_view name : {"Connection", "Keep-Alive", "Proxy-Connection", "TE",
                                        "Trailer", "Transfer-Encoding", "Upgrade"}) {
        CAPTURE(name);
        CHECK(http::is_hop_by_hop({.name = name, .value = "", .id = http::field_name(name)}));
    }
    for (const std::string_view name :
         {"Content-Length", "Host", "Cookie", "Expect", "X-Upgrade"}) {
        CAPTURE(name);
        CHECK_FALSE(http::is_hop_by_hop({.name = name, .value = "", .id = http::field_name(name)}));
    }
}

TEST_CASE("options of Connection are whole, without case, over all its fields") {
    CHECK(connection_lists(connection({"close"}), "close"));
    CHECK(connection_lists(connection({" Close "}), "close"));
    CHECK(connection_lists(connection({"keep-alive, CLOSE"}), "close"));
    CHECK(connection_lists(connection({"a,,close,"}), "close"));
    CHECK(connection_lists(connection({"a", "b\t,\tclose"}), "close"));
    CHECK(connection_lists(connection({"X-Custom"}), "x-custom"));
    CHECK_FALSE(connection_lists(connection({}), "close"));
    CHECK_FALSE(connection_lists(connection({""}), "close"));
    CHECK_FALSE(connection_lists(connection({"closed"}), "close"));
    CHECK_FALSE(connection_lists(connection({"not-close"}), "close"));
    CHECK_FALSE(connection_lists(connection({"close x"}), "close"));
    CHECK_FALSE(connection_lists(connection({"keep-alive"}), "close"));
}

TEST_CASE("who wants another message on the connection") {
    struct Row {
        std::string_view value;
        bool in_11;
        bool in_10;
    };
    for (const Row& row : {
             Row{"", true, false},
             Row{"close", false, false},
             Row{"keep-alive", true, true},
             Row{"Keep-Alive", true, true},
             Row{"keep-alive, close", false, false},
             Row{"close, keep-alive", false, false},
             Row{"Upgrade", true, false},
             Row{"keepalive", true, false},
         }) {
        CAPTURE(row.value);
        CHECK(http::keeps_alive(connection({row.value}), 1) == row.in_11);
        CHECK(http::keeps_alive(connection({row.value}), 0) == row.in_10);
    }
    CHECK(http::keeps_alive(Fields(), 1));
    CHECK_FALSE(http::keeps_alive(Fields(), 0));
    CHECK_FALSE(http::keeps_alive(connection({"keep-alive", "close"}), 1));
}

TEST_CASE("chunk sizes are hexadecimal digits and CRLF") {
    struct Row {
        std::uint64_t size;
        std::string_view text;
    };
    for (const Row& row : {
             Row{1, "1\r\n"},
             Row{15, "f\r\n"},
             Row{16, "10\r\n"},
             Row{65536, "10000\r\n"},
             Row{std::numeric_limits<std::uint64_t>::max(), "ffffffffffffffff\r\n"},
         }) {
        std::array<char, 18> memory{};
        const std::size_t size = http::write_chunk_size(row.size, memory);
        CHECK(std::string_view(memory.data(), size) == row.text);
    }
    CHECK(http::kLastChunk == "0\r\n\r\n");
}
