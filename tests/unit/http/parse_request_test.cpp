// The request line and what stands before it. Fields and targets have tables of their own.

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::Method;
using http::RequestHead;

namespace {

constexpr std::string_view kHost = "\r\nHost: mail.example.com\r\n\r\n";

std::string with_host(std::string_view line) {
    return std::string(line).append(kHost);
}

}  // namespace

TEST_CASE("a request head gives its parts as views") {
    const std::string bytes =
        "POST /Microsoft-Server-ActiveSync?Cmd=Sync&User=alice HTTP/1.1\r\n"
        "Host: mail.example.com\r\n"
        "Authorization:Basic YWxpY2U6eA==\r\n"
        "Content-Length: \t 5 \t\r\n"
        "X-Empty:\r\n"
        "X-Name: J\xFCrgen  K\r\n"
        "\r\n";
    http::HeadScan scan;
    RequestHead head;
    const auto taken = http::parse_request_head(bytes + "hello", {}, scan, head);
    REQUIRE(taken.has_value());
    CHECK(*taken == bytes.size());

    RequestHead again = parsed<RequestHead>(bytes);
    CHECK(again.method == Method::post);
    CHECK(again.method_text == "POST");
    CHECK(again.minor_version == 1);
    CHECK(again.target == "/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice");
    CHECK(again.path == "/Microsoft-Server-ActiveSync");
    CHECK(again.has_query);
    CHECK(again.query == "Cmd=Sync&User=alice");
    CHECK(again.host == "mail.example.com");
    CHECK(show(again.fields) ==
          "\nHost: mail.example.com (9)"
          "\nAuthorization: Basic YWxpY2U6eA== (2)"
          "\nContent-Length: 5 (5)"
          "\nX-Empty:  (0)"
          "\nX-Name: J\xFCrgen  K (0)");
    CHECK(again.target.data() >= bytes.data());
    CHECK(again.target.data() < bytes.data() + bytes.size());
}

TEST_CASE("a head that is used again keeps nothing of the last one") {
    RequestHead head;
    for (const std::string_view bytes :
         {std::string_view("POST /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"),
          std::string_view("GET /c HTTP/1.0\r\n\r\n")}) {
        http::HeadScan scan;
        REQUIRE(http::parse_request_head(bytes, {}, scan, head).value_or(0) == bytes.size());
    }
    CHECK(show(head) == "GET [2] /c 1.0 host=");
    CHECK_FALSE(head.has_query);
    CHECK(head.query.empty());
}

TEST_CASE("methods are told apart by their exact letters") {
    struct Row {
        std::string_view text;
        Method method;
    };
    for (const Row& row : {
             Row{"OPTIONS", Method::options},
             Row{"POST", Method::post},
             Row{"GET", Method::get},
             Row{"HEAD", Method::head},
             Row{"PUT", Method::put},
             Row{"DELETE", Method::remove},
             Row{"post", Method::other},
             Row{"Post", Method::other},
             Row{"POSTS", Method::other},
             Row{"POS", Method::other},
             Row{"PATCH", Method::other},
             Row{"TRACE", Method::other},
             Row{"SEARCH", Method::other},
             Row{"Get", Method::other},
             Row{"OPTION5", Method::other},
             Row{"delete", Method::other},
             Row{"HEAT", Method::other},
             Row{"connect", Method::other},
             Row{"X", Method::other},
             Row{"!#$%&'*+-.^_`|~", Method::other},
             Row{"ABCDEFGHIJKLMNOPQRST", Method::other},
         }) {
        CAPTURE(row.text);
        const std::string bytes = with_host(std::string(row.text) + " / HTTP/1.1");
        const RequestHead head = parsed<RequestHead>(bytes);
        CHECK(head.method == row.method);
        CHECK(head.method_text == row.text);
    }
}

TEST_CASE("a method is a token of 1 to 20 bytes and never CONNECT") {
    for (const std::string_view method :
         {"", "ABCDEFGHIJKLMNOPQRSTU", "PO ST", "PO,ST", "PO/ST", "(POST)", "\"POST\"", "POST:",
          "P\xC3\x96ST", "CONNECT", "{}", "<POST>", "PO\\ST", "[POST]", "POST;", "P@", "P="}) {
        check_request(with_host(std::string(method) + " / HTTP/1.1"), kBadRequest);
    }
    check_request("CONNECT mail.example.com:443 HTTP/1.1\r\nHost: mail.example.com\r\n\r\n",
                  kBadRequest);
}

TEST_CASE("a request line has three parts with one space between them") {
    for (const std::string_view line : {
             "GET  / HTTP/1.1",
             "GET /  HTTP/1.1",
             "GET / HTTP/1.1 ",
             " GET / HTTP/1.1",
             "GET\t/ HTTP/1.1",
             "GET /\tHTTP/1.1",
             "GET / HTTP/1.1\t",
             "GET / HTTP/1.1 x",
             "GET / / HTTP/1.1",
             "GET /a b HTTP/1.1",
             "GET /",
             "GET / ",
             "GET",
             "GET ",
             "GET HTTP/1.1",
             "GET  HTTP/1.1",
             "/ HTTP/1.1",
             "HTTP/1.1 200 OK",
             "GET\x0B/ HTTP/1.1",
             "GET /\x0CHTTP/1.1",
             "GET /\xA0HTTP/1.1",
             "Host: mail.example.com",
         }) {
        check_request(with_host(line), kBadRequest);
    }
}

TEST_CASE("HTTP/1.0 and HTTP/1.1 only") {
    check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                  "27 bytes: GET [2] / 1.1 host=a\nHost: a (9)");
    check_request("GET / HTTP/1.0\r\nHost: a\r\n\r\n",
                  "27 bytes: GET [2] / 1.0 host=a\nHost: a (9)");
    check_request("GET / HTTP/1.0\r\n\r\n", "18 bytes: GET [2] / 1.0 host=");
    for (const std::string_view version :
         {"HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0"}) {
        check_request(with_host("GET / " + std::string(version)), kOtherVersion);
    }
    check_request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kOtherVersion);
    for (const std::string_view version :
         {"HTTP/2",    "HTTP/1",       "HTTP/1.",    "HTTP/1.10",  "HTTP/1.11",    "HTTP/01.1",
          "HTTP/1.01", "HTTP/11.1",    "HTTP/1.257", "HTTP/257.1", "http/1.1",     "Http/1.1",
          "HTTP/1,1",  "HTTP 1.1",     "HTTP1.1",    "HTTPS/1.1",  "HTTP/+1.1",    "HTTP/1.-1",
          "HTTP/1.x",  "HTTP/x.1",     "HTTP//1.1",  "HTTP/ 1.1",  "HTTP/1.1\xFF", "XTTP/1.1",
          "ICY/1.1",   "HTTP/1.1\x0B", "RTSP/1.0"}) {
        check_request(with_host("GET / " + std::string(version)), kBadRequest);
    }
    check_request(std::string_view("GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", 28), kBadRequest);
}

TEST_CASE("one empty line before a request is skipped and counted") {
    check_request("\r\nGET / HTTP/1.0\r\n\r\n", "20 bytes: GET [2] / 1.0 host=");
    check_request("\r\n", kNeedMore);
    check_request("\r", kNeedMore);
    for (const std::string_view bytes :
         {"\r\n\r\nGET / HTTP/1.0\r\n\r\n", "\nGET / HTTP/1.0\r\n\r\n", "\rGET / HTTP/1.0\r\n\r\n",
          "\r\r\nGET / HTTP/1.0\r\n\r\n", "\r\n\nGET / HTTP/1.0\r\n\r\n",
          "\r\n GET / HTTP/1.0\r\n\r\n", "\n\nGET / HTTP/1.0\r\n\r\n", "\r\n\r\n"}) {
        check_request(bytes, kBadRequest);
    }
}

TEST_CASE("what is no HTTP at all is known at its first bytes") {
    check_request("\x16\x03\x01\x02", kBadRequest);  // a TLS hello on a plain port
    check_request("\x80\x2E\x01", kBadRequest);      // an SSL 2 hello
    check_request(std::string_view("\0\0\0\0", 4), kBadRequest);
    check_request("\xEF\xBB\xBFGET / HTTP/1.1", kBadRequest);  // a byte order mark
    check_request("{\"a\":1}", kBadRequest);
    check_request("<html>", kBadRequest);
    check_request("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", kBadRequest);
    check_request(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12),
                  kBadRequest);  // PROXY protocol, version 2
    check_request("EHLO mail.example.com\r\n", kBadRequest);
    check_request("SSH-2.0-OpenSSH_9.2\r\n", kBadRequest);
}

TEST_CASE("an error shows at the byte that makes it, not at the end of the head") {
    struct Row {
        std::string_view before;  // may still become a head
        char last;                // and now can't
    };
    for (const Row& row : {
             Row{"G", '\t'},
             Row{"GET", '\r'},
             Row{"ABCDEFGHIJKLMNOPQRST", 'U'},
             Row{"CONNECT", ' '},
             Row{"GET ", ' '},
             Row{"GET /a", '#'},
             Row{"GET /a", '\r'},
             Row{"GET /a", '\n'},
             Row{"GET a", ' '},
             Row{"GET / HTTP/1.1", 'x'},
             Row{"GET / HTTP/1.1", '\n'},
             Row{"GET / HTTP/1.", '\r'},
             Row{"GET / HTTP/1.1\r", 'H'},
             Row{"GET / HTTP/1.1\r\n", ' '},
             Row{"GET / HTTP/1.1\r\n", '\n'},
             Row{"GET / HTTP/1.1\r\n", ':'},
             Row{"GET / HTTP/1.1\r\nHost", ' '},
             Row{"GET / HTTP/1.1\r\nHost", '\r'},
             Row{"GET / HTTP/1.1\r\nHost: a", '\n'},
             Row{"GET / HTTP/1.1\r\nHost: a", '\0'},
             Row{"GET / HTTP/1.1\r\nHost: a\r", '\r'},
             Row{"GET / HTTP/1.1\r\nHost: a b", '\r'},
             Row{"GET / HTTP/1.1\r\nHost: a\r\nHost: a", '\r'},
             Row{"GET / HTTP/1.1\r\nHost: a\r\n\r", '\r'},
         }) {
        check_request(row.before, kNeedMore);
        check_request(std::string(row.before) + row.last, kBadRequest);
    }
}
