#include "proxy/base/small_text.h"

#include <string>
#include <utility>

#include <doctest/doctest.h>

using eg::SmallText;

using Text = SmallText<4>;

TEST_CASE("short and long texts are values alike") {
    for (const std::string& text : {std::string(), std::string("a"), std::string("abcd"),
                                    std::string("abcde"), std::string(1000, 'x')}) {
        CAPTURE(text);
        Text one{std::string_view(text)};
        CHECK(one == text);
        CHECK(one.size() == text.size());
        CHECK(one.empty() == text.empty());
        const Text copy = one;
        const Text moved = std::move(one);
        CHECK(copy == moved);
        CHECK(moved == text);
        for (const std::string& before : {std::string("ab"), std::string(100, 'y')}) {
            Text other{std::string_view(before)};
            other = copy;
            CHECK(other == text);
            other = std::string_view(before);
            CHECK(other == before);
            other = Text(copy);
            CHECK(other == text);
        }
    }
}

TEST_CASE("a text is written in place, and cut") {
    Text text(std::string_view("a text of more than four"));
    char* const memory = text.room(6);
    std::string_view("abcdef").copy(memory, 6);
    text.cut(3);
    CHECK(text == "abc");
    text.clear();
    CHECK(text.empty());
    CHECK(text == "");
}

TEST_CASE("what was moved away is empty, and can be used again") {
    Text one(std::string_view("a long text"));
    const Text other = std::move(one);
    CHECK(other == "a long text");
    one = std::string_view("ab");
    CHECK(one == "ab");
}
