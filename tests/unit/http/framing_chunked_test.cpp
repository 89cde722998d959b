// Taking bodies apart. A row is tried whole and in pieces of every size up to its own.

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "proxy/http/framing.h"
#include "proxy/http/write.h"
#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::BodyReader;
using http::Framing;

namespace {

constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};

void check(Framing framing, std::string_view bytes, std::string_view outcome) {
    CAPTURE(visible(bytes));
    const std::string whole = body_outcome(framing, bytes);
    CHECK(whole == outcome);
    for (std::size_t step = 1; step < bytes.size(); ++step) {
        if (body_outcome(framing, bytes, step) != whole) {
            FAIL_CHECK("another outcome in pieces of " << step);
        }
    }
}

void check_chunked(std::string_view bytes, std::string_view outcome) {
    check(kChunked, bytes, outcome);
}

}  // namespace

TEST_CASE("chunks are joined, framing and trailers dropped") {
    check_chunked("0\r\n\r\n", "|5 bytes");
    check_chunked("5\r\nhello\r\n0\r\n\r\n", "hello|15 bytes");
    check_chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world|26 bytes");
    check_chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
                  "01234567890123456789|35 bytes");
    check_chunked("00000005\r\nhello\r\n00000000\r\n\r\n", "hello|29 bytes");
    check_chunked("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", "\r\n|17 bytes");
    check_chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n|15 bytes");
    check_chunked("0\r\n\r\nPOST / HTTP/1.1\r\n", "|5 bytes");
    check_chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello|25 bytes");
    check_chunked("0\r\nA: b\r\nC:\r\nContent-Length: 5\r\n\r\n", "|34 bytes");
    check_chunked("0\r\nA: \xFF\t\"x, \r\n\r\n", "|16 bytes");
}

TEST_CASE("an unfinished chunked body needs more") {
    const std::string bytes = "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        const std::string outcome = body_outcome(kChunked, std::string_view(bytes).substr(0, size));
        CHECK(outcome.ends_with("|need more"));
    }
    check_chunked(bytes, "hello0123456789abcdef|43 bytes");
    check_chunked("FFFFFFFF\r\nxx", "xx|need more");
}

TEST_CASE("odd chunk sizes") {
    for (const std::string_view start : {
             "\r\n",
             " 5\r\n",
             "5 \r\n",
             "\t5\r\n",
             "5\t\r\n",
             "0x5\r\n",
             "0X5\r\n",
             "x5\r\n",
             "+5\r\n",
             "-5\r\n",
             "-0\r\n",
             "5h\r\n",
             "5L\r\n",
             "g\r\n",
             "5.0\r\n",
             "5,\r\n",
             "5_0\r\n",
             "\"5\"\r\n",
             "000000005\r\n",
             "100000005\r\n",
             "FFFFFFFFF\r\n",
             "10000000000000005\r\n",
             "FFFFFFFFFFFFFFFFF\r\n",
             "5;\r\n",
             "5;a\r\n",
             "5;a=b\r\n",
             "5 ; a=b\r\n",
             "5;a=\"\r\n",
             "5;\n",
             "5;a\rb\r\n",
             "5\n",
             "5\r",
             "5\r\r\n",
             "5\n\r\n",
             "5\r\n\n",
             "\n5\r\n",
             "\r5\r\n",
             "5\x0B\r\n",
             "5\xA0\r\n",
             "\xEF\xBB\xBF"
             "5\r\n",
             "\xD9\xA5\r\n",
             "five\r\n",
             "5:\r\n",
             "5=\r\n",
             "(5)\r\n",
             "5#\r\n",
         }) {
        const std::string bytes = std::string(start) + "hello\r\n0\r\n\r\n";
        CAPTURE(visible(bytes));
        if (start == "5\r\n\n") {  // the size was right; the data is too long
            check_chunked(bytes, "\nhell|client malformed");
            continue;
        }
        check_chunked(bytes, "|client malformed");
        check_chunked("1\r\nx\r\n" + bytes, "x|client malformed");
    }
    check_chunked(std::string_view("5\0\r\nhello\r\n", 11), "|client malformed");
    check_chunked(std::string_view("\0"
                                   "5\r\nhello\r\n",
                                   11),
                  "|client malformed");
}

TEST_CASE("chunk data ends where its size says, with CRLF") {
    for (const std::string_view rest : {"X\r\n0\r\n\r\n", "\n0\r\n\r\n", "\r0\r\n\r\n", "\n\r0\r\n",
                                        "0\r\n\r\n", "XX0\r\n\r\n", " \r\n0\r\n\r\n", "\rX0\r\n"}) {
        check_chunked("5\r\nhello" + std::string(rest), "hello|client malformed");
    }
    check_chunked("5\r\nhell\r\n0\r\n\r\n", "hell\r|client malformed");
    check_chunked("5\r\nhel\r\n0\r\n\r\n", "hel\r\n|client malformed");
    check_chunked("5\r\nhello\r\n\r\n", "hello|client malformed");
}

TEST_CASE("the end of a chunked body and its trailers are held to the rules of fields") {
    for (const std::string_view end : {
             "0\r\n\rX",
             "0\r\n\n",
             "0\n\n",
             "0\n\r\n",
             "0\r\nXX\r\n",
             "0\r\n: b\r\n\r\n",
             "0\r\nA : b\r\n\r\n",
             "0\r\n A: b\r\n\r\n",
             "0\r\nA: b\r\n c\r\n\r\n",
             "0\r\nA: b\r\n\tc\r\n\r\n",
             "0\r\nA: b\n\r\n",
             "0\r\nA: b\rC: d\r\n\r\n",
             "0\r\nA: b\x0B\r\n\r\n",
             "0\r\nA: b\x7F\r\n\r\n",
             "0\r\nA\r\n\r\n",
             "0\r\nGET / HTTP/1.1\r\n\r\n",
             "0\r\nA B: c\r\n\r\n",
             "0\r\nA\xFF: b\r\n\r\n",
             "0\r\nA: b\r\n\rX",
             "0\r\nA: b\r\n\n",
             "0;a\r\n\r\n",
             "0 \r\n\r\n",
             "0\r\n0\r\n\r\n",
         }) {
        CAPTURE(visible(end));
        check_chunked(end, "|client malformed");
        check_chunked("1\r\nx\r\n" + std::string(end), "x|client malformed");
    }
    check_chunked(std::string_view("0\r\nA: \0\r\n\r\n", 11), "|client malformed");
}

TEST_CASE("trailers are held to 8 KiB, their empty line included") {
    const std::string most = "0\r\nA: " + std::string(8192 - 7, 'x') + "\r\n\r\n";
    CHECK(body_outcome(kChunked, most) == fmt::format("|{} bytes", most.size()));
    CHECK(body_outcome(kChunked, most, 1000) == fmt::format("|{} bytes", most.size()));
    const std::string more = "0\r\nA: " + std::string(8192 - 6, 'x') + "\r\n\r\n";
    CHECK(body_outcome(kChunked, more) == "|client too large");
    CHECK(body_outcome(kChunked, more, 1) == "|client too large");
    CHECK(body_outcome(kChunked, "0\r\n" + std::string(10'000, 'x')) == "|client too large");
    std::string many = "0\r\n";
    while (many.size() < 10'000) {
        many += "A:\r\n";
    }
    CHECK(body_outcome(kChunked, many) == "|client too large");
}

TEST_CASE("a body of a known length ends after so many bytes") {
    const Framing five{.kind = Framing::Kind::length, .length = 5};
    check(five, "hello", "hello|5 bytes");
    check(five, "hello, world", "hello|5 bytes");
    check(five, "hell", "hell|need more");
    check(five, "", "|need more");
    check({.kind = Framing::Kind::length, .length = 0}, "hello", "|0 bytes");
    check({.kind = Framing::Kind::none, .length = 0}, "hello", "|0 bytes");
    check({.kind = Framing::Kind::until_close, .length = 0}, "hello", "hello|need more");

    BodyReader reader(five, Side::client);
    CHECK(reader.remaining() == 5);
    REQUIRE(reader.next("hel").has_value());
    CHECK(reader.remaining() == 2);
    CHECK_FALSE(reader.done());
    REQUIRE(reader.next("lo and more").has_value());
    CHECK(reader.remaining() == 0);
    CHECK(reader.done());
    const auto after = reader.next("more");
    REQUIRE(after.has_value());
    CHECK(after->consumed == 0);
    CHECK(after->data.empty());
}

TEST_CASE("pieces are views of the input, a run of data each") {
    BodyReader reader(kChunked, Side::upstream);
    const std::string_view input = "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nrest";
    const auto first = reader.next(input);
    REQUIRE(first.has_value());
    CHECK(first->data == "hello");
    CHECK(first->data.data() == input.data() + 3);
    CHECK(first->consumed == 8);
    CHECK(reader.remaining() == 0);
    const auto second = reader.next(input.substr(8));
    REQUIRE(second.has_value());
    CHECK(second->data == "!");
    CHECK(second->consumed == 6);
    const auto last = reader.next(input.substr(14));
    REQUIRE(last.has_value());
    CHECK(last->data.empty());
    CHECK(last->consumed == 7);
    CHECK(reader.done());
}

TEST_CASE("the end of the stream is the end of a body, or an error of its side") {
    CHECK(BodyReader().end_of_stream().has_value());
    BodyReader until_close({.kind = Framing::Kind::until_close, .length = 0}, Side::upstream);
    CHECK_FALSE(until_close.done());
    CHECK(until_close.end_of_stream().has_value());
    CHECK(until_close.done());
    for (const Framing framing : {kChunked, Framing{.kind = Framing::Kind::length, .length = 5}}) {
        BodyReader reader(framing, Side::upstream);
        const auto ended = reader.end_of_stream();
        REQUIRE_FALSE(ended.has_value());
        CHECK(ended.error().code == ErrorCode::closed);
        CHECK(ended.error().side == Side::upstream);
        CHECK_FALSE(reader.done());
    }
    BodyReader half(kChunked, Side::client);
    REQUIRE(half.next("0\r\n").has_value());
    CHECK_FALSE(half.end_of_stream().has_value());
    REQUIRE(half.next("\r\n").has_value());
    CHECK(half.end_of_stream().has_value());
}

TEST_CASE("an error names the side that sent the body") {
    BodyReader reader(kChunked, Side::upstream);
    const auto piece = reader.next("zz");
    REQUIRE_FALSE(piece.has_value());
    CHECK(show(piece.error()) == kBadAnswer);
}
