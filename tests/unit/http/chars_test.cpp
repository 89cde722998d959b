#include "proxy/http/chars.h"

#include <string>

#include <doctest/doctest.h>

#include "proxy/http/run_length.h"

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

namespace {

// Each byte at each place of a text that is longer than two blocks, with a legal one around it.
template <CharClass kWanted>
void check_run_length(char legal) {
    constexpr std::size_t kSize = 41;
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        for (std::size_t place = 0; place < kSize; ++place) {
            std::string text(kSize, legal);
            text[place] = c;
            const std::size_t expected = is_in(kWanted, c) ? kSize : place;
            CAPTURE(byte);
            CAPTURE(place);
            REQUIRE(run_length<kWanted>(text) == expected);
            // The end of the text, not of the memory behind it.
            REQUIRE(run_length<kWanted>(std::string_view(text).substr(0, place)) == place);
            REQUIRE(is_all<kWanted>(text) == all_in(kWanted, text));
        }
    }
}

}  // namespace

TEST_CASE("sixteen bytes at a time say what one at a time does") {
    check_run_length<kTokenChar>('a');
    check_run_length<kTokenChar>('_');
    check_run_length<kTargetChar>('/');
    check_run_length<kValueChar>('\t');
    check_run_length<kValueChar>('\xFF');
}
