// Which body a head announces (RFC 9112 6.3). Two readings are none.

#include "proxy/http/framing.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::Method;

namespace {

std::string request(std::string_view fields, int minor = 1) {
    const std::string bytes = fmt::format("POST / HTTP/1.{}\r\nHost: a\r\n{}\r\n", minor, fields);
    return show(http::request_framing(parsed<http::RequestHead>(bytes)));
}

std::string answer(unsigned status, std::string_view fields, Method method = Method::post,
                   int minor = 1) {
    const std::string bytes = fmt::format("HTTP/1.{} {} X\r\n{}\r\n", minor, status, fields);
    return show(http::response_framing(parsed<http::ResponseHead>(bytes), method));
}

// One field whose value says in two ways how long a body is, or in no way.
constexpr std::string_view kOddLengths[] = {
    "",
    " ",
    "5,",
    ",5",
    "5, 5",
    "5,5",
    "5, 6",
    "5;",
    "+5",
    "-5",
    "-0",
    "+0",
    "5.0",
    "5e1",
    "0x5",
    "0X5",
    "05",
    "00",
    "000",
    "5 5",
    "5\t5",
    "5 x",
    "x",
    "five",
    "'5'",
    "\"5\"",
    "5L",
    "5_0",
    "1'000",
    "\xD9\xA5",
    "5\xA0",
    "\xA0"
    "5",
    "(5)",
    "5 ;",
    "5, ",
    "1000000000000000000",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551621",
    "99999999999999999999999999",
    "0000000000000000005",
    "5=5",
    "NaN",
    "inf",
    "null",
};

constexpr std::string_view kOddCodings[] = {
    "",
    "chunked,",
    ",chunked",
    "chunked, chunked",
    "gzip, chunked",
    "chunked, gzip",
    "identity",
    "chunked, identity",
    "identity, chunked",
    "gzip",
    "chunked;",
    "chunked;q=1",
    "chunked x",
    "x chunked",
    "xchunked",
    "chunkedx",
    "chunke",
    "hunked",
    "\"chunked\"",
    "'chunked'",
    "chunked\xA0",
    "\xA0"
    "chunked",
    "\xFF"
    "chunked",
    "chunked\xFF",
    "chun ked",
    "ch\xFCnked",
    "cow",
    "deflate",
    "compress",
    "x-chunked",
    "chunked,,",
    "trailers",
    "chunked\t, x",
    "chunked:",
    "=chunked",
    "*",
};

}  // namespace

TEST_CASE("a request has a body if it says so") {
    CHECK(request("") == "none");
    CHECK(request("", 0) == "none");
    CHECK(request("Content-Length: 0\r\n") == "length 0");
    CHECK(request("Content-Length: 5\r\n") == "length 5");
    CHECK(request("Content-Length: 5\r\n", 0) == "length 5");
    CHECK(request("content-length:\t10 \r\n") == "length 10");
    CHECK(request("Content-Length: 999999999999999999\r\n") == "length 999999999999999999");
    CHECK(request("Transfer-Encoding: chunked\r\n") == "chunked");
    CHECK(request("TRANSFER-ENCODING:ChUnKeD\t\r\n") == "chunked");
}

TEST_CASE("a length is 1 to 18 digits, anything else refuses the message") {
    for (const std::string_view value : kOddLengths) {
        CAPTURE(visible(value));
        CHECK(request(fmt::format("Content-Length: {}\r\n", value)) == kBadRequest);
        CHECK(answer(200, fmt::format("Content-Length: {}\r\n", value)) == kBadAnswer);
        // Beside a good one it refuses as well, before and after it.
        CHECK(request(fmt::format("Content-Length: {}\r\nContent-Length: 5\r\n", value)) ==
              kBadRequest);
        CHECK(request(fmt::format("Content-Length: 5\r\nContent-Length: {}\r\n", value)) ==
              kBadRequest);
    }
}

TEST_CASE("a transfer coding is exactly chunked, anything else refuses the message") {
    for (const std::string_view value : kOddCodings) {
        CAPTURE(visible(value));
        const std::string field = fmt::format("Transfer-Encoding: {}\r\n", value);
        CHECK(request(field) == kBadRequest);
        CHECK(answer(200, field) == kBadAnswer);
        CHECK(request(field + "Transfer-Encoding: chunked\r\n") == kBadRequest);
        CHECK(request("Transfer-Encoding: chunked\r\n" + field) == kBadRequest);
        CHECK(request(field + "Content-Length: 5\r\n") == kBadRequest);
    }
}

TEST_CASE("both lengths, or one of them twice, refuse the message") {
    for (const std::string_view fields : {
             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
             "Transfer-Encoding: chunked\r\nContent-Length:\r\n",
             "Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 5\r\n",
             "Content-Length: 5\r\nContent-Length: 5\r\n",
             "Content-Length: 0\r\nContent-Length: 0\r\n",
             "Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n",
             "Content-Length: 5\r\nX: y\r\nContent-Length: 5\r\n",
             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
             "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
         }) {
        CAPTURE(visible(fields));
        CHECK(request(fields) == kBadRequest);
        CHECK(answer(200, fields) == kBadAnswer);
        CHECK(answer(304, fields) == kBadAnswer);
        CHECK(answer(200, fields, Method::head) == kBadAnswer);
        CHECK(answer(204, fields) == kBadAnswer);
    }
}

TEST_CASE("HTTP/1.0 knows no transfer coding") {
    CHECK(request("Transfer-Encoding: chunked\r\n", 0) == kBadRequest);
    CHECK(request("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 0) == kBadRequest);
    CHECK(answer(200, "Transfer-Encoding: chunked\r\n", Method::post, 0) == kBadAnswer);
}

TEST_CASE("names that only look like a length are none") {
    for (const std::string_view fields :
         {"Content_Length: 5\r\n", "Content-Lengths: 5\r\n", "XContent-Length: 5\r\n",
          "Transfer_Encoding: chunked\r\n", "Content-Encoding: chunked\r\n", "TE: chunked\r\n"}) {
        CHECK(request(fields) == "none");
        CHECK(answer(200, fields) == "until close");
    }
}

TEST_CASE("the body of an answer depends on its status and the method") {
    constexpr std::string_view kLength = "Content-Length: 5\r\n";
    constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";
    CHECK(answer(200, kLength) == "length 5");
    CHECK(answer(200, kChunked) == "chunked");
    CHECK(answer(200, "") == "until close");
    CHECK(answer(200, "", Method::post, 0) == "until close");
    CHECK(answer(401, "Content-Length: 0\r\n") == "length 0");
    CHECK(answer(503, kChunked) == "chunked");
    CHECK(answer(200, kLength, Method::options) == "length 5");
    CHECK(answer(205, kLength) == "length 5");

    CHECK(answer(200, kLength, Method::head) == "none");
    CHECK(answer(200, kChunked, Method::head) == "none");
    CHECK(answer(200, "", Method::head) == "none");
    CHECK(answer(304, kLength) == "none");
    CHECK(answer(304, kChunked) == "none");
    CHECK(answer(304, "") == "none");
    CHECK(answer(304, "Content-Length: 5, 5\r\n") == kBadAnswer);
    CHECK(answer(200, "Content-Length: -1\r\n", Method::head) == kBadAnswer);

    CHECK(answer(204, "") == "none");
    CHECK(answer(204, "Content-Length: 0\r\n") == "none");
    CHECK(answer(204, kLength) == kBadAnswer);
    CHECK(answer(204, kChunked) == kBadAnswer);
    CHECK(answer(204, kChunked, Method::head) == kBadAnswer);
    CHECK(answer(100, "") == "none");
    CHECK(answer(103, "Link: x\r\n") == "none");
    CHECK(answer(103, kLength) == kBadAnswer);
    CHECK(answer(101, kChunked) == kBadAnswer);
}
