#include "mdm/store/feed_snapshot.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;
using device::State;

TEST_CASE("a full snapshot has every device and no tombstone") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().import(hq.id, std::vector{record("A1", State::allow, {"alice", "bob"}),
                                                   record("A2"), record("A3", State::wipe)}));
    must(store.devices().remove(hq.id, "A2"));
    auto snapshot = must(FeedSnapshot::open(store.path, hq.id, std::nullopt));
    CHECK(snapshot.count() == 2);
    CHECK(snapshot.last_change() == store.find("hq").last_change);
    CHECK(lines_of(std::move(snapshot)) == "A1 allow alice,bob; A3 wipe");
}

TEST_CASE("a delta has what changed, in order, each device once, tombstones included") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().import(hq.id, std::vector{record("A1"), record("A2"), record("A3")}));
    const std::int64_t since = store.find("hq").last_change;
    must(store.devices().change(hq.id, "A3", {.state = State::deny}));
    must(store.devices().remove(hq.id, "A1"));
    must(store.devices().change(hq.id, "A3", {.state = State::non_compliant}));
    auto snapshot = must(FeedSnapshot::open(store.path, hq.id, since));
    CHECK(snapshot.count() == 2);
    CHECK(lines_of(std::move(snapshot)) == "A1 removed; A3 non_compliant");
}

TEST_CASE("count and lines agree while somebody writes") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    std::vector<device::Record> many;
    for (int i = 0; i < 50; ++i) {
        many.push_back(record("D" + std::to_string(i), State::allow, {"alice"}));
    }
    must(store.devices().import(hq.id, many));
    auto snapshot = must(FeedSnapshot::open(store.path, hq.id, std::nullopt));
    auto records = must(snapshot.next(10));
    must(store.devices().remove(hq.id, "D49"));
    must(store.devices().change(hq.id, "D48",
                                {.users = std::vector<std::string>{"eve"}, .state = State::deny}));
    must(store.devices().change(hq.id, "D1", {.state = State::deny}));
    must(store.devices().add(hq.id, record("NEW")));
    std::size_t seen = records.size();
    while (!(records = must(snapshot.next(10))).empty()) {
        for (const auto& each : records) {
            CHECK(each.state == State::allow);
            CHECK(each.users == std::vector<std::string>{"alice"});
        }
        seen += records.size();
    }
    CHECK(seen == 50);
    CHECK(snapshot.count() == 50);
    CHECK(lines_of(must(FeedSnapshot::open(store.path, hq.id, snapshot.last_change()))) ==
          "D49 removed; D48 deny eve; D1 deny alice; NEW allow");
}

TEST_CASE("an instance that is gone has no snapshot") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.instances().remove("hq"));
    CHECK(FeedSnapshot::open(store.path, hq.id, std::nullopt).error().kind == FailureKind::missing);
}
