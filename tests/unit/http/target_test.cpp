#include "proxy/http/target.h"

#include <string>

#include <doctest/doctest.h>

using namespace eg::http;

TEST_CASE("a path with one reading is plain") {
    for (const std::string_view path :
         {"/", "/a", "/a/", "/Microsoft-Server-ActiveSync", "/EWS/Exchange.asmx", "/a/.b",
          "/a.b/c..d", "/a../b", "/..a", "/a/b.", "/a@b", "/~a", "/a:b", "/a,b", "/a=b&c",
          "/servlet/traveler/x/y/z"}) {
        CAPTURE(path);
        CHECK(is_plain_path(path));
    }
}

TEST_CASE("a path that two servers may read differently is not plain") {
    for (const std::string_view path : {
             std::string_view(""),
             std::string_view("a"),
             std::string_view("*"),
             std::string_view("a/b"),
             std::string_view("\\a"),
             std::string_view("http://a/b"),
             std::string_view("//"),
             std::string_view("//a"),
             std::string_view("/a//b"),
             std::string_view("/a/b//"),
             std::string_view("///"),
             std::string_view("/."),
             std::string_view("/.."),
             std::string_view("/./"),
             std::string_view("/../"),
             std::string_view("/a/."),
             std::string_view("/a/.."),
             std::string_view("/a/./b"),
             std::string_view("/a/../b"),
             std::string_view("/../a"),
             std::string_view("/..."),
             std::string_view("/a/..../b"),
             std::string_view("/a%2Fb"),
             std::string_view("/a%2fb"),
             std::string_view("/%2e%2e/b"),
             std::string_view("/a%5Cb"),
             std::string_view("/a%00"),
             std::string_view("/a%"),
             std::string_view("/%41"),
             std::string_view("/%25"),
             std::string_view("/%u002e"),
             std::string_view("/a\\b"),
             std::string_view("/a\\..\\b"),
             std::string_view("/a;b"),
             std::string_view("/a/..;/b"),
             std::string_view("/;/a"),
             std::string_view("/a;"),
             std::string_view("/a?b"),
             std::string_view("/a#b"),
             std::string_view("/a b"),
             std::string_view("/a\tb"),
             std::string_view("/a\r\n"),
             std::string_view("/a\0", 3),
             std::string_view("/a\x7F"),
             std::string_view("/a\xE4"),
             std::string_view("/\xC3\xA4"),
             std::string_view("/\xC0\xAE\xC0\xAE/"),
             std::string_view("/\xEF\xBC\x8F"),
         }) {
        CAPTURE(path);
        CHECK_FALSE(is_plain_path(path));
    }
}

TEST_CASE("percent-decoding is exact or nothing") {
    struct Row {
        std::string_view text;
        std::string_view bytes;
    };
    for (const Row& row : {
             Row{"", ""},
             Row{"abc", "abc"},
             Row{"a+b", "a+b"},
             Row{"%41%7a%7A", "Azz"},
             Row{"a%20b", "a b"},
             Row{"%25", "%"},
             Row{"%2541", "%41"},
             Row{"%C3%a4", "\xC3\xA4"},
             Row{"%ff", "\xFF"},
             Row{"\xFF", "\xFF"},
             Row{"x%00y", std::string_view("x\0y", 3)},
             Row{"%41%", ""},
         }) {
        CAPTURE(row.text);
        const auto decoded = percent_decode(row.text);
        if (row.text == "%41%") {
            CHECK_FALSE(decoded.has_value());
            continue;
        }
        REQUIRE(decoded.has_value());
        CHECK(*decoded == row.bytes);
    }
    for (const std::string_view text : {"%", "a%", "%4", "a%4", "%g0", "%0g", "%%", "%%41", "% 1",
                                        "%+1", "%-1", "%0x", "%u0041", "%\xC3\xA4", "a%2"}) {
        CAPTURE(text);
        CHECK_FALSE(percent_decode(text).has_value());
    }
}

TEST_CASE("percent-encoding keeps unreserved characters only, and is undone") {
    CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
    CHECK(percent_encode("a b+c/d?e&f=g%") == "a%20b%2Bc%2Fd%3Fe%26f%3Dg%25");
    CHECK(percent_encode("\xC3\xA4") == "%C3%A4");
    CHECK(percent_encode(std::string_view("\0\n", 2)) == "%00%0A");
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    CHECK(percent_decode(percent_encode(all)) == all);
}
