#include "proxy/device/record.h"

#include <array>

#include <doctest/doctest.h>

#include "proxy/device/contact.h"
#include "proxy/device/record_format.h"

namespace eg::device {

TEST_CASE("words of states; an unknown one is deny") {
    CHECK(parse_state("allow") == State::allow);
    CHECK(parse_state("deny") == State::deny);
    CHECK(parse_state("non_compliant") == State::non_compliant);
    CHECK(parse_state("wipe") == State::wipe);
    CHECK(parse_state("removed") == State::removed);
    for (const char* word : {"", "Allow", "allow ", "quarantined"}) {
        CHECK(parse_state(word) == State::deny);
    }
}

TEST_CASE("the canonical id: text in upper case, other bytes in hexadecimal") {
    CHECK(canonical_id("ApplDN6") == "APPLDN6");
    CHECK(canonical_id("a-b") == "612D62");
    CHECK(canonical_id(std::string_view("\x00\xff", 2)) == "00FF");
    CHECK(canonical_id("") == "");
}

TEST_CASE("a packed record is recognised, and nothing shorter or odd is") {
    const std::array<std::string_view, 2> users{"alice", ""};
    std::array<KeyHash, 1> keys{};
    std::vector<unsigned char> bytes;
    REQUIRE(format::encode({"id-1", users, State::deny, "why", keys}, bytes));
    CHECK(format::check(bytes) == bytes.size());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(format::check(std::span(bytes).first(length)));
    }
    bytes.push_back(0x7F);
    CHECK(format::check(bytes) == bytes.size() - 1);
    bytes[0] = static_cast<unsigned char>(bytes[0] | format::kTextId);
    CHECK_FALSE(format::check(bytes));
    bytes[0] = 7;
    CHECK_FALSE(format::check(bytes));
}

namespace {

Moment moment(unsigned char boot, std::int64_t boottime_ms, std::int64_t wall_ms) {
    Moment moment;
    moment.boot.fill(boot);
    moment.boottime_ms = boottime_ms;
    moment.wall_ms = wall_ms;
    return moment;
}

}  // namespace

TEST_CASE("the age of a contact") {
    const Contact contact{moment(1, 5'000, 1'000'000), 1'200'000};
    SUBCASE("within a boot the wall clock may say what it likes") {
        CHECK(age(contact, moment(1, 6'000, 0)) == Milliseconds(1'000));
        CHECK(age(contact, moment(1, 6'000, 9'000'000)) == Milliseconds(1'000));
        CHECK(age(contact, moment(1, 5'000, 1'000'000)) == Milliseconds(0));
    }
    SUBCASE("a contact in the future is not believed") {
        CHECK_FALSE(age(contact, moment(1, 4'999, 1'000'000)));
        CHECK_FALSE(age(contact, moment(2, 10, 999'999)));
    }
    SUBCASE("a boot without a name is never the same one") {
        const Contact unnamed{moment(0, 5'000, 1'000'000), 1'000'000};
        CHECK(age(unnamed, moment(0, 5'001, 1'600'000)) == Milliseconds(600'000));
    }
    SUBCASE("across boots the wall clock counts, and never less than what was seen") {
        CHECK(age(contact, moment(2, 10, 1'500'000)) == Milliseconds(500'000));
        CHECK(age(contact, moment(2, 10, 1'000'001)) == Milliseconds(200'000));
    }
}

}  // namespace eg::device
