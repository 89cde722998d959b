#include "proxy/base/secret.h"

#include <doctest/doctest.h>

using eg::Secret;

static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

TEST_CASE("a secret is copied, moved and revealed like a text") {
    CHECK(Secret().empty());
    Secret first(std::string("word"));
    Secret second = first;
    CHECK(second.reveal() == "word");
    Secret third = std::move(first);
    CHECK(third.reveal() == "word");
    CHECK(first.reveal().empty());
    first = third;
    CHECK(first.reveal() == "word");
    first = Secret(std::string(100, 'x'));
    CHECK(first.reveal() == std::string(100, 'x'));
    const Secret& same = first;
    first = same;
    CHECK(first.reveal() == std::string(100, 'x'));
}

TEST_CASE("moving leaves nothing behind, short texts included") {
    Secret first(std::string("short"));
    const char* memory = first.reveal().data();
    const Secret second = std::move(first);
    CHECK(std::string_view(memory, 5) == std::string_view("\0\0\0\0\0", 5));
    CHECK(second.reveal() == "short");
}
