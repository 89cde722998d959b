// Heads of answers: a mail server's bytes are held to the same strictness as a stranger's.

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::ResponseHead;

namespace {

std::string line(std::string_view text) {
    return std::string(text) + "\r\n\r\n";
}

}  // namespace

TEST_CASE("a status line gives version, status and reason") {
    check_answer(line("HTTP/1.1 200 OK"), "19 bytes: 1.1 200 OK");
    check_answer(line("HTTP/1.0 404 Not Found"), "26 bytes: 1.0 404 Not Found");
    check_answer(line("HTTP/1.1 200 "), "17 bytes: 1.1 200 ");
    check_answer(line("HTTP/1.1 200"), "16 bytes: 1.1 200 ");
    check_answer(line("HTTP/1.1 451 Redirect\tby  it "), "33 bytes: 1.1 451 Redirect\tby  it ");
    check_answer(line("HTTP/1.1 500 D\xE9j\xE0 vu"), "24 bytes: 1.1 500 D\xE9j\xE0 vu");
    check_answer(line("HTTP/1.1 100 Continue") + line("HTTP/1.1 200 OK"),
                 "25 bytes: 1.1 100 Continue");
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n\r\n",
                 "55 bytes: 1.1 200 OK\nContent-Length: 0 (5)\nSet-Cookie: a=b (13)");
}

TEST_CASE("a reason is not left over from the head before") {
    ResponseHead head;
    for (const std::string_view bytes : {std::string_view("HTTP/1.1 200 OK\r\nX: y\r\n\r\n"),
                                         std::string_view("HTTP/1.1 204\r\n\r\n")}) {
        http::HeadScan scan;
        REQUIRE(http::parse_response_head(bytes, {}, scan, head).value_or(0) == bytes.size());
    }
    CHECK(show(head) == "1.1 204 ");
}

TEST_CASE("a status is three digits from 100 to 599") {
    for (int status = 0; status <= 999; ++status) {
        const std::string bytes = line(fmt::format("HTTP/1.1 {:03} X", status));
        const std::string outcome = head_outcome<ResponseHead>(bytes);
        CAPTURE(bytes);
        const bool good = status >= 100 && status <= 599;
        CHECK(outcome == (good ? fmt::format("18 bytes: 1.1 {} X", status) : kBadAnswer));
    }
    for (const std::string_view status :
         {"", " ", "1", "20", "2000", "0200", "+20", "-20", "2 0", "20O", "0x1", "200.1", "200,",
          "\xB2\xB0\xB0", "OK", "200\t", "\t200"}) {
        check_answer(line(fmt::format("HTTP/1.1 {} OK", status)), kBadAnswer);
        check_answer(line(fmt::format("HTTP/1.1 {}", status)), kBadAnswer);
    }
}

TEST_CASE("odd status lines are refused") {
    for (const std::string_view text : {
             "HTTP/1.1",
             "HTTP/1.1  200 OK",
             " HTTP/1.1 200 OK",
             "HTTP/1.1\t200 OK",
             "HTTP/1.1 200\tOK",
             "http/1.1 200 OK",
             "HTTP/1.10 200 OK",
             "HTTP/01.1 200 OK",
             "HTTP/1 200 OK",
             "HTTP/11 200 OK",
             "HTTP 200 OK",
             "ICY 200 OK",
             "200 OK",
             "HTTP/1.1 200 O\rK",
             "HTTP/1.1 200 O\nK",
             "HTTP/1.1 200 O\x01K",
             "HTTP/1.1 200 O\x7FK",
             "HTTP/1.1 200 OK\r",
             "HTTP/1.1 200 OK\n",
             "HTTP/1.1 200\n",
             "HTTP/1.1\xA0"
             "200 OK",
             "GET / HTTP/1.1",
             "<html>",
             "\x15\x03\x01\x02\x02\x46",
             "",
         }) {
        check_answer(line(text), kBadAnswer);
    }
    check_answer(line(std::string_view("HTTP/1.1 200 O\0K", 16)), kBadAnswer);
    // Another version is nonsense from a mail server too, but told apart.
    for (const std::string_view version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2"}) {
        check_answer(line(fmt::format("{} 200 OK", version)), "upstream unsupported");
    }
}

TEST_CASE("no empty line is skipped before an answer") {
    check_answer("\r\nHTTP/1.1 200 OK\r\n\r\n", kBadAnswer);
    check_answer("\nHTTP/1.1 200 OK\r\n\r\n", kBadAnswer);
    check_answer("\r", kBadAnswer);
}

TEST_CASE("fields of answers are as strict as fields of requests") {
    for (const std::string_view fields : {
             ": y\r\n",
             "X : y\r\n",
             "X\r\n",
             " X: y\r\n",
             "X: y\r\n z\r\n",
             "X: y\r\n\tz\r\n",
             "X: y\n",
             "X: y\rZ: 1\r\n",
             "X: a\x0B\r\n",
             "X: a\x7F\r\n",
             "Content-Length : 5\r\n",
             "Content-Length\r\n",
             "Transfer-Encoding\xFF: chunked\r\n",
             "X Y: z\r\n",
             "HTTP/1.1 200 OK\r\n",
         }) {
        check_answer(fmt::format("HTTP/1.1 200 OK\r\n{}\r\n", fields), kBadAnswer);
    }
    check_answer(std::string_view("HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n", 27), kBadAnswer);
    check_answer("HTTP/1.1 200 OK\n\n", kBadAnswer);
    check_answer("HTTP/1.1 200 OK\r\n\rX", kBadAnswer);
    check_answer("HTTP/1.1 200 OK\r\n\n", kBadAnswer);
}

TEST_CASE("an answer needs no Host and may have any") {
    check_answer("HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\n\r\n",
                 "39 bytes: 1.1 200 OK\nHost: a b (9)\nHost: c (9)");
}
