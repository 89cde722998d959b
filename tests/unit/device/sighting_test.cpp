#include "proxy/device/sighting.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace eg::device {

namespace {

WallTime at(int seconds) {
    return WallTime(std::chrono::seconds(1'000'000 + seconds));
}

Seen seen(std::string_view id, int second, std::string_view reason = "") {
    return {id, "alice", "Agent", "iPhone", "16.1", reason, at(second)};
}

}  // namespace

TEST_CASE("requests of one device are one sighting") {
    SightingTable table;
    CHECK(table.empty());
    table.note(seen("AbC", 5));
    table.note(seen("abc", 9, "device_unknown"));
    table.note(seen("ABC", 2));
    const Sightings all = table.take();
    REQUIRE(all.size() == 1);
    const Sighting& one = all.list[0];
    CHECK(one.id == "ABC");
    CHECK(one.requests == 3);
    CHECK(one.refused == 1);
    CHECK(all.of(one).reason == "");
    CHECK(one.first_seen == at(2));
    CHECK(one.last_seen == at(9));
    CHECK(table.empty());
}

TEST_CASE("merging adds up, and the later texts stay") {
    SightingTable one;
    one.note(seen("a", 10, "late"));
    SightingTable two;
    two.note(seen("a", 1, "early"));
    SightingTable both;
    for (SightingTable* from : {&one, &two}) {
        Sightings all = from->take();
        both.merge(all);
        CHECK(all.empty());
    }
    const Sightings all = both.take();
    REQUIRE(all.size() == 1);
    const Sighting& merged = all.list[0];
    CHECK(merged.requests == 2);
    CHECK(merged.refused == 2);
    CHECK(all.of(merged).reason == "late");
    CHECK(merged.first_seen == at(1));
    CHECK(merged.last_seen == at(10));
}

TEST_CASE("what many devices have in common is kept once, what differs is told apart") {
    SightingTable table;
    Seen seen{"", "alice", "Agent", "iPhone", "16.1", "", at(0)};
    for (const std::string_view id : {"a", "b", "c"}) {
        seen.id = id;
        table.note(seen);
    }
    seen.id = "d";
    seen.user_agent = "Agenti";  // the same bytes, cut elsewhere
    seen.device_type = "Phone";
    table.note(seen);
    seen.id = "b";
    table.note(seen);
    seen.user_agent = "Agent";
    seen.device_type = "iPhone";
    table.note(seen);
    for (int i = 0; i < 2; ++i) {
        Sightings all = table.take();
        CHECK(all.descriptions.size() == 2);
        for (const Sighting& each : all.list) {
            CAPTURE(each.id.view());
            CHECK(all.of(each).user_agent == (each.id == "d" ? "Agenti" : "Agent"));
            CHECK(all.of(each).device_type == (each.id == "d" ? "Phone" : "iPhone"));
        }
        table.merge(all);
    }
}

TEST_CASE("strangers can neither fill the table nor stretch its texts") {
    SightingTable table(3);
    for (int i = 0; i < 5; ++i) {
        table.note(seen(fmt::format("id{}", i), i));
    }
    table.note(seen("id1", 7));
    SightingTable other;
    other.note(seen("other", 1));
    Sightings all = other.take();
    table.merge(all);
    CHECK(table.dropped() == 3);
    CHECK(table.take().size() == 3);
    const std::string large(5000, 'x');
    table.note(seen(large, 1));
    CHECK(table.take().list.at(0).id.size() == 256);
}

TEST_CASE("a stranger who calls himself something else each time can't stretch the descriptions") {
    SightingTable table(3);
    for (int i = 0; i < 20; ++i) {
        const std::string reason = fmt::format("reason {}", i);
        table.note(seen(fmt::format("id{}", i % 3), i, reason));
    }
    table.note(seen("id0", 30, "reason 2"));
    const Sightings all = table.take();
    CHECK(all.descriptions.size() == 3);
    CHECK(all.list[0].requests == 8);
    CHECK(all.of(all.list[0]).reason == "reason 2");
    CHECK(all.of(all.list[1]).reason == "reason 1");
}

}  // namespace eg::device
