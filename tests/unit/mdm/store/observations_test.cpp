#include "mdm/store/observations.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;

namespace {

Observation seen(std::string id, std::int64_t first, std::int64_t last) {
    Observation one;
    one.id = std::move(id);
    one.first_seen = first;
    one.last_seen = last;
    one.requests = 3;
    one.refused = 1;
    return one;
}

Report report_of(std::vector<Observation> observations) {
    return {std::move(observations), {}};
}

}  // namespace

TEST_CASE("reports add up, and the newest sighting counts, whatever their order") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("A1")));
    Observations observations(store.database);
    must(observations.note(hq.id, report_of({seen("a1", 200, 300)})));
    must(observations.note(hq.id, report_of({seen("A1", 50, 100), seen("B2", 10, 20)})));
    const ObservationCounts counts = must(observations.count(hq.id));
    CHECK(counts.listed == 1);
    CHECK(counts.unlisted == 1);
    CHECK(counts.last_seen == 300);
    CHECK(must(store.devices().page(hq.id, "", 10))[0].number == 300);
}

TEST_CASE(
    "strangers can't fill the table: the newest unlisted devices are kept, listed ones always") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("LISTED")));
    Report many;
    many.observations.push_back(seen("LISTED", 1, 1));
    for (std::int64_t i = 0; i < kMostUnlisted + 5; ++i) {
        many.observations.push_back(seen("S" + std::to_string(i), 100 + i, 100 + i));
    }
    Observations observations(store.database);
    must(observations.note(hq.id, many));
    const ObservationCounts counts = must(observations.count(hq.id));
    CHECK(counts.listed == 1);
    CHECK(counts.unlisted == kMostUnlisted);
    CHECK(counts.last_seen == 100 + kMostUnlisted + 4);
}

TEST_CASE("nodes are remembered by name, the last report counts") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    Observations observations(store.database);
    must(observations.note(hq.id, {{}, {{"gate-2", "0.1", 100}, {"gate-1", "0.1", 100}}}));
    must(observations.note(hq.id, {{}, {{"gate-1", "0.2", 130}}}));
    const auto nodes = must(observations.nodes(hq.id));
    REQUIRE(nodes.size() == 2);
    CHECK(nodes[0].name == "gate-1");
    CHECK(nodes[0].version == "0.2");
    CHECK(nodes[0].last_report == 130);
    Report many;
    for (std::int64_t i = 0; i < kMostNodes + 10; ++i) {
        many.nodes.push_back({"n" + std::to_string(i), "", 1000 + i});
    }
    must(observations.note(hq.id, many));
    CHECK(must(observations.nodes(hq.id)).size() == kMostNodes);
}

TEST_CASE("old sightings are forgotten, those of a removed instance refused") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    Observations observations(store.database);
    must(observations.note(hq.id, report_of({seen("A1", 1, 10), seen("A2", 1, 20)})));
    CHECK(must(observations.forget(15)) == 1);
    CHECK(must(observations.count(hq.id)).unlisted == 1);
    must(store.instances().remove("hq"));
    CHECK(observations.note(hq.id, report_of({seen("A1", 1, 10)})).error().kind ==
          FailureKind::missing);
}
