#include "proxy/base/text.h"

#include <array>
#include <cctype>
#include <string>

#include <doctest/doctest.h>

using namespace eg;

TEST_CASE("classes of ASCII characters, no locale, no other byte") {
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const char c = static_cast<char>(byte);
        const bool ascii = byte < 0x80;
        CHECK(is_digit(c) == (ascii && std::isdigit(byte) != 0));
        CHECK(is_alpha(c) == (ascii && std::isalpha(byte) != 0));
        CHECK(is_alnum(c) == (ascii && std::isalnum(byte) != 0));
        CHECK((hex_value(c) >= 0) == (ascii && std::isxdigit(byte) != 0));
        CHECK(to_lower(c) == (ascii ? static_cast<char>(std::tolower(byte)) : c));
        CHECK(to_upper(c) == (ascii ? static_cast<char>(std::toupper(byte)) : c));
    }
    CHECK(hex_value('0') == 0);
    CHECK(hex_value('9') == 9);
    CHECK(hex_value('a') == 10);
    CHECK(hex_value('F') == 15);
}

TEST_CASE("comparison without the case of ASCII letters") {
    CHECK(iequals("", ""));
    CHECK(iequals("Content-Length", "cONTENT-lENGTH"));
    CHECK_FALSE(iequals("a", "ab"));
    CHECK_FALSE(iequals("ab", "a"));
    CHECK_FALSE(iequals("[", "{"));
    CHECK_FALSE(iequals("@", "`"));
    CHECK_FALSE(iequals("\xC4", "\xE4"));
    CHECK_FALSE(iequals(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
    CHECK(istarts_with("HTTP://a", "http://"));
    CHECK(istarts_with("a", ""));
    CHECK_FALSE(istarts_with("htt", "http"));
    CHECK(lower("ABC-\xC4z") == "abc-\xC4z");
    CHECK(upper("abc-\xE4Z") == "ABC-\xE4Z");
}

TEST_CASE("trim takes spaces and tabs only, from the ends only") {
    CHECK(trim("") == "");
    CHECK(trim(" \t ") == "");
    CHECK(trim(" a b\t") == "a b");
    CHECK(trim("a") == "a");
    CHECK(trim("\r\na\v") == "\r\na\v");
    CHECK(trim("\xA0"
               "a") ==
          "\xA0"
          "a");
}

TEST_CASE("unsigned numbers are digits only") {
    CHECK(parse_unsigned("0") == 0U);
    CHECK(parse_unsigned("007") == 7U);
    CHECK(parse_unsigned("18446744073709551615") == 18446744073709551615U);
    for (const std::string_view text :
         {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "a", "1a", "18446744073709551616",
          "99999999999999999999", "184467440737095516150", "\xD9\xA1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_unsigned(text).has_value());
    }
    CHECK_FALSE(parse_unsigned(std::string_view("1\0", 2)).has_value());
}

TEST_CASE("UTF-8 is well formed or not (RFC 3629 3 and 4)") {
    for (const std::string_view bytes :
         {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "J\xC3\xBCrgen \xE2\x82\xAC"}) {
        CHECK(is_utf8(bytes));
    }
    CHECK(is_utf8(std::string_view("a\0b", 3)));
    for (const std::string_view bytes : {"\x80",
                                         "\xBF",
                                         "\xC0\x80",
                                         "\xC1\xBF",
                                         "\xC2",
                                         "\xC2"
                                         "a",
                                         "\xC3\xC3",
                                         "\xE0\x80\x80",
                                         "\xE0\x9F\xBF",
                                         "\xE2\x82",
                                         "\xE2\x82"
                                         "a",
                                         "\xED\xA0\x80",
                                         "\xED\xBF\xBF",
                                         "\xF0\x80\x80\x80",
                                         "\xF0\x8F\xBF\xBF",
                                         "\xF0\x90\x80",
                                         "\xF4\x90\x80\x80",
                                         "\xF5\x80\x80\x80",
                                         "\xF8\x88\x80\x80\x80",
                                         "\xFE",
                                         "\xFF",
                                         "a\xFF",
                                         "J\xFCrgen"}) {
        CAPTURE(to_hex(bytes));
        CHECK_FALSE(is_utf8(bytes));
    }
}

TEST_CASE("the nearest word is named if one is near") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("abc", "") == 3);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("Listen", "listen") == 0);
    CHECK(edit_distance("lisetn", "listen") == 2);
    constexpr std::array<std::string_view, 4> kKeys{"listen", "listen_backlog", "limits", "log"};
    CHECK(nearest("lisen", kKeys) == "listen");
    CHECK(nearest("limit", kKeys) == "limits");
    CHECK(nearest("listen", kKeys) == "listen");
    CHECK_FALSE(nearest("activesync_server", kKeys).has_value());
    CHECK_FALSE(nearest("listen", std::array<std::string_view, 0>{}).has_value());
}
