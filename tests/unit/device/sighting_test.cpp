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
    const std::vector<Sighting> all = table.take();
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == "ABC");
    CHECK(all[0].requests == 3);
    CHECK(all[0].refused == 1);
    CHECK(all[0].reason == "");
    CHECK(all[0].first_seen == at(2));
    CHECK(all[0].last_seen == at(9));
    CHECK(table.empty());
}

TEST_CASE("merging adds up, and the later texts stay") {
    SightingTable one;
    one.note(seen("a", 10, "late"));
    SightingTable two;
    two.note(seen("a", 1, "early"));
    SightingTable both;
    for (SightingTable* from : {&one, &two}) {
        for (Sighting& sighting : from->take()) {
            both.merge(std::move(sighting));
        }
    }
    const std::vector<Sighting> all = both.take();
    REQUIRE(all.size() == 1);
    CHECK(all[0].requests == 2);
    CHECK(all[0].refused == 2);
    CHECK(all[0].reason == "late");
    CHECK(all[0].first_seen == at(1));
    CHECK(all[0].last_seen == at(10));
}

TEST_CASE("strangers can neither fill the table nor stretch its texts") {
    SightingTable table(3);
    for (int i = 0; i < 5; ++i) {
        table.note(seen(fmt::format("id{}", i), i));
    }
    table.note(seen("id1", 7));
    Sighting other;
    other.id = "other";
    table.merge(std::move(other));
    CHECK(table.dropped() == 3);
    CHECK(table.take().size() == 3);
    const std::string large(5000, 'x');
    table.note(seen(large, 1));
    CHECK(table.take().at(0).id.size() == 256);
}

}  // namespace eg::device
