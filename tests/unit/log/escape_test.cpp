#include "proxy/log/escape.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "proxy/base/text.h"

using namespace eg;

namespace {

template <typename Function>
std::string with(Function function, std::string_view value) {
    std::string out;
    function(out, value);
    return out;
}
std::string word(std::string_view value) {
    return with(log::append_word, value);
}
std::string quoted(std::string_view value) {
    return with(log::append_quoted, value);
}
std::string rest(std::string_view value) {
    return with(log::append_rest, value);
}
std::string json(std::string_view value) {
    return with(log::append_json_string, value);
}

}  // namespace

TEST_CASE("each style passes what it may and escapes the rest") {
    struct Row {
        std::string_view value, word, quoted, rest, json;
    };
    const Row rows[] = {
        {"", "-", "\"-\"", "", "\"\""},
        {"-", "\\x2D", "\"\\x2D\"", "-", "\"-\""},
        {"--", "--", "\"--\"", "--", "\"--\""},
        {"alice", "alice", "\"alice\"", "alice", "\"alice\""},
        {"a b", "a\\x20b", "\"a b\"", "a b", "\"a b\""},
        {"CORP\\al", "CORP\\x5Cal", "\"CORP\\x5Cal\"", "CORP\\x5Cal", "\"CORP\\\\al\""},
        {"a\"b", "a\\x22b", "\"a\\x22b\"", "a\"b", "\"a\\\"b\""},
        {"a\nb", "a\\x0Ab", "\"a\\x0Ab\"", "a\\x0Ab", "\"a\\u000Ab\""},
        {"\x7f", "\\x7F", "\"\\x7F\"", "\\x7F", "\"\\u007F\""},
        {"é", "é", "\"é\"", "é", "\"é\""},
        {"日本😀", "日本😀", "\"日本😀\"", "日本😀", "\"日本😀\""},
        {"\xff", "\\xFF", "\"\\xFF\"", "\\xFF", "\"\\u00FF\""},
        {"\xe9t", "\\xE9t", "\"\\xE9t\"", "\\xE9t", "\"\\u00E9t\""},
        {"\xc3", "\\xC3", "\"\\xC3\"", "\\xC3", "\"\\u00C3\""},
        {"\xc0\xaf", "\\xC0\\xAF", "\"\\xC0\\xAF\"", "\\xC0\\xAF", "\"\\u00C0\\u00AF\""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        CHECK(word(row.value) == row.word);
        CHECK(quoted(row.value) == row.quoted);
        CHECK(rest(row.value) == row.rest);
        CHECK(json(row.value) == row.json);
    }
    CHECK(word(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("characters that end a line, read as a space or turn text are escaped") {
    for (const std::string_view tricky : {"\u0085", "\u009b", "\u00a0", "\u2003", "\u2028",
                                          "\u2029", "\u202e", "\u2066", "\u3000", "\ufeff"}) {
        std::string expected;
        for (const char c : tricky) {
            expected += "\\x" + to_hex({&c, 1});
        }
        CHECK(word(tricky) == expected);
        CHECK(quoted(tricky) == "\"" + expected + "\"");
    }
    CHECK(json("\u2028") == "\"\\u2028\"");
    CHECK(json("\U000E0041") == "\"\\uDB40\\uDC41\"");
    CHECK(word("Alice’s—phone…") == "Alice’s—phone…");
}

TEST_CASE("whatever the bytes, what comes out is UTF-8 without control bytes") {
    std::uint32_t state = 1;
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes;
        for (int i = 0; i < 8; ++i) {
            state = state * 1664525U + 1013904223U;
            const auto lead = static_cast<char>(state >> 24U);
            bytes.push_back(state & 0x100U ? lead : static_cast<char>(0x80 | (lead & 0x3F)));
        }
        for (const std::string& out : {word(bytes), quoted(bytes), rest(bytes), json(bytes)}) {
            REQUIRE(is_utf8(out));
            REQUIRE(std::ranges::none_of(
                out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
        }
        REQUIRE(word(bytes).find_first_of(" \"") == std::string::npos);
    }
}

TEST_CASE("long values are cut, and not through a character") {
    const std::string long_value(log::kMostValueBytes + 1, 'x');
    CHECK(word(long_value) == std::string(log::kMostValueBytes, 'x') + "[cut]");
    CHECK(word(long_value.substr(1)) == long_value.substr(1));
    std::string accents(log::kMostValueBytes - 1, 'x');
    accents += "éé";
    CHECK(word(accents) == std::string(log::kMostValueBytes - 1, 'x') + "[cut]");
    CHECK(is_utf8(word(std::string(5000, '\x80'))));
}
