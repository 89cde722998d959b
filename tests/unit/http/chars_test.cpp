#include "proxy/http/chars.h"

#include <doctest/doctest.h>

using namespace eg::http;

// Each class is said a second time here, byte by byte, so that a slip in the table shows.
TEST_CASE("every byte is in the classes that the standards say") {
    constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const char c = static_cast<char>(byte);
        const bool digit = byte >= '0' && byte <= '9';
        const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        const bool mark = byte != 0 && kTokenMarks.find(c) != std::string_view::npos;
        const bool visible = byte > 0x20 && byte < 0x7F;
        CHECK(is_in(kTokenChar, c) == (digit || letter || mark));
        CHECK(is_in(kTargetChar, c) == (visible && c != '#'));
        CHECK(is_in(kValueChar, c) == (visible || c == ' ' || c == '\t' || byte >= 0x80));
        CHECK(is_in(kDigitChar, c) == digit);
    }
}

TEST_CASE("a text is in a class if each byte is") {
    CHECK(all_in(kTokenChar, "Content-Length"));
    CHECK(all_in(kTokenChar, ""));
    CHECK_FALSE(all_in(kTokenChar, "Content-Length "));
    CHECK_FALSE(all_in(kTokenChar, ":Content-Length"));
}
