#include "filters/eas/command.h"

#include <cstdlib>

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;

TEST_CASE("a command is found by name in any letter case and by code") {
    CHECK(all_commands().size() == 20);
    for (const CommandFacts& facts : all_commands()) {
        CAPTURE(facts.name);
        CHECK(command_by_name(facts.name) == facts.command);
        CHECK(command_by_name(upper(facts.name)) == facts.command);
        CHECK(command_by_name(lower(facts.name)) == facts.command);
        CHECK(command_by_code(static_cast<std::uint8_t>(facts.command)) == facts.command);
        CHECK(name_of(facts.command) == facts.name);
        CHECK(facts_of(facts.command) == &facts);
    }
    CHECK(facts_of(Command::none) == nullptr);
    CHECK(name_of(Command::none).empty());
}

TEST_CASE("what isn't assigned is no command") {
    for (const char* name :
         {"", "Syn", "Syncs", "Sync ", "GetHierarchy", "CreateCollection", "Autodiscover"}) {
        CAPTURE(name);
        CHECK_FALSE(command_by_name(name));
    }
    for (unsigned code = 0; code < 256; ++code) {
        CAPTURE(code);
        const bool assigned = code <= 4 || (code >= 9 && code <= 23);
        CHECK(command_by_code(static_cast<std::uint8_t>(code)).has_value() == assigned);
    }
}

TEST_CASE("roots are those of the published code pages") {
    const auto rows = test::read_tsv("codepages.tsv");
    REQUIRE(rows.size() > 500);
    for (const CommandFacts& facts : all_commands()) {
        CAPTURE(facts.name);
        if (facts.command == Command::get_attachment) {
            CHECK(facts.root_token == kNoRoot);
            continue;
        }
        int found = 0;
        for (const auto& row : rows) {
            if (row.at(3) == facts.name && std::stoi(row.at(0)) == facts.root_page) {
                CHECK(std::strtol(row.at(2).c_str(), nullptr, 16) == facts.root_token);
                ++found;
            }
        }
        CHECK(found == 1);
    }
}

TEST_CASE("only what waits may be held, and nothing that changes mail is repeated") {
    for (const CommandFacts& facts : all_commands()) {
        CAPTURE(facts.name);
        const bool waits = facts.command == Command::ping || facts.command == Command::sync;
        CHECK(facts.may_be_held == waits);
        CHECK_FALSE((facts.mime_body && facts.safe_to_repeat));
    }
    CHECK_FALSE(facts_of(Command::sync)->safe_to_repeat);
    CHECK_FALSE(facts_of(Command::item_operations)->safe_to_repeat);
    CHECK(facts_of(Command::ping)->safe_to_repeat);
}
