#include "filters/eas/tokens.h"

#include <string>

#include <doctest/doctest.h>

#include "filters/eas/command.h"
#include "tests/support/judging.h"

using namespace eg::filters::eas;
namespace test = eg::test;

TEST_CASE("every published token has its name, and every name its token") {
    int count = 0;
    for (const auto& row : test::read_tsv("codepages.tsv")) {
        CAPTURE(row.at(1));
        CAPTURE(row.at(3));
        ++count;
        const Tag tag{.page = static_cast<std::uint8_t>(std::stoi(row.at(0))),
                      .token = static_cast<std::uint8_t>(std::stoi(row.at(2), nullptr, 16))};
        CHECK(namespace_of(tag.page) == row.at(1));
        CHECK(name_of(tag) == row.at(3));
        CHECK(find_tag(row.at(1), row.at(3)) == tag);
    }
    CHECK(count == 586);
}

TEST_CASE("and so has what protocol 2.5 left behind") {
    int count = 0;
    for (unsigned page = 0; page < kCodePages; ++page) {
        for (unsigned token = 0; token <= kTokenMask; ++token) {
            const Tag tag{static_cast<std::uint8_t>(page), static_cast<std::uint8_t>(token)};
            if (const std::string_view name = name_of(tag); !name.empty()) {
                ++count;
                CHECK(find_tag(namespace_of(tag.page), name) == tag);
            }
        }
    }
    CHECK(count == 586 + 71);
    CHECK(name_of({.page = 3, .token = 0x05}) == "Notify");
    CHECK(name_of({.page = 13, .token = 0x06}) == "AutdState");
    CHECK(name_of({.page = 2, .token = 0x0C}) == "Body");
}

TEST_CASE("what isn't assigned has no name") {
    CHECK(namespace_of(25) == "Find");
    CHECK(namespace_of(26).empty());
    CHECK(name_of({.page = 26, .token = 5}).empty());
    CHECK(name_of({.page = 255, .token = 255}).empty());
    CHECK(name_of({.page = 7, .token = 0x3F}).empty());
    CHECK(name_of({.page = 0, .token = 0x45}).empty());
    for (unsigned token = 0; token < kFirstTag; ++token) {
        CHECK(name_of({.page = 0, .token = static_cast<std::uint8_t>(token)}).empty());
    }
    CHECK_FALSE(find_tag("AirSync", "FolderSync"));
    CHECK_FALSE(find_tag("AirSync", "sync"));
    CHECK_FALSE(find_tag("AirSync", ""));
    CHECK_FALSE(find_tag("", "Sync"));
}

TEST_CASE("the root of a command bears its name") {
    for (const CommandFacts& facts : all_commands()) {
        if (facts.root_token != kNoRoot) {
            CHECK(name_of({.page = facts.root_page, .token = facts.root_token}) == facts.name);
        }
    }
}
