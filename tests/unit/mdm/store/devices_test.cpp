#include "mdm/store/devices.h"

#include <ctime>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mdm/store/device_rules.h"
#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;
using device::State;

namespace {

std::string listed(TemporaryStore& store, std::int64_t instance) {
    std::string text;
    for (const auto& each : must(store.devices().page(instance, "", 100))) {
        text += (text.empty() ? "" : " ") + each.record.id;
    }
    return text;
}

}  // namespace

TEST_CASE("a device is added once, in whatever spelling") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("ApplDN6", State::allow, {"bob", "alice"}, "new")));
    CHECK(store.devices().add(hq.id, record("APPLdn6")).error().kind == FailureKind::exists);
    const auto page = must(store.devices().page(hq.id, "", 10));
    REQUIRE(page.size() == 1);
    CHECK(page[0].record.id == "ApplDN6");
    CHECK(page[0].record.users == std::vector<std::string>{"bob", "alice"});
    CHECK(page[0].record.reason == "new");
    CHECK(page[0].number == 0);
}

TEST_CASE("what can't be a device is refused before anything is written") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    for (const device::Record& wrong :
         {record(""), record(std::string(kMostIdBytes + 1, 'a')), record("a\nb"), record("\xff"),
          record("A1", State::allow, {""}), record("A1", State::allow, {"a\tb"}),
          record("A1", State::allow, std::vector<std::string>(kMostUsers + 1, "u")),
          record("A1", State::allow, {}, std::string(kMostReasonBytes + 1, 'r'))}) {
        CAPTURE(wrong.id);
        CHECK(store.devices().add(hq.id, wrong).error().kind == FailureKind::invalid);
    }
    CHECK(listed(store, hq.id).empty());
    CHECK(store.find("hq").last_change == hq.last_change);
}

TEST_CASE("a change touches what it names, and takes a new number only if something differs") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("A1", State::allow, {"alice"}, "new")));
    const std::int64_t before = store.find("hq").last_change;
    const auto denied = must(store.devices().change(hq.id, "a1", {.state = State::deny}));
    CHECK(denied.state == State::deny);
    CHECK(denied.users == std::vector<std::string>{"alice"});
    CHECK(denied.reason == "new");
    const std::int64_t after = store.find("hq").last_change;
    CHECK(after > before);
    must(store.devices().change(hq.id, "A1", {.state = State::deny}));
    CHECK(store.find("hq").last_change == after);
    CHECK(must(store.devices().change(hq.id, "A1", {.users = std::vector<std::string>{}}))
              .users.empty());
    CHECK(store.devices().change(hq.id, "A2", {.state = State::deny}).error().kind ==
          FailureKind::missing);
    CHECK_FALSE(store.devices().change(hq.id, "A1", {.reason = "a\nb"}));
}

TEST_CASE("keys are kept in their order, changed, and read back as they are") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    device::Record bound = record("A1", State::allow, {"alice", "bob"});
    bound.keys.resize(2);
    bound.keys[0].fill(0xF0);
    must(store.devices().add(hq.id, bound));
    const auto stored = [&] { return must(store.devices().page(hq.id, "", 10)).at(0).record; };
    CHECK(stored().keys == bound.keys);
    CHECK(must(FeedSnapshot::open(store.path, hq.id, std::nullopt)).next(10)->at(0).keys ==
          bound.keys);
    const std::int64_t before = store.find("hq").last_change;
    DeviceChange change{.keys = bound.keys};
    must(store.devices().change(hq.id, "A1", change));
    CHECK(store.find("hq").last_change == before);
    change.keys = std::vector<device::KeyHash>{};
    must(store.devices().change(hq.id, "A1", change));
    CHECK(store.find("hq").last_change > before);
    CHECK(stored().keys.empty());
    CHECK(stored().users == bound.users);

    bound.keys.resize(kMostKeys + 1);
    CHECK(store.devices().add(hq.id, bound).error().kind == FailureKind::invalid);
}

TEST_CASE("a list of keys and what the database holds of it") {
    device::KeyHash key{};
    key[31] = 0x0F;
    const std::string text = std::string(63, '0') + 'f';
    CHECK(key_list({}).empty());
    CHECK(keys_of_list("")->empty());
    CHECK(keys_of_list(text + ' ' + std::string(62, '0') + "0F") == std::vector{key, key});
    for (const std::string& wrong : {' ' + text, text + "  " + text, text + ',' + text,
                                     text.substr(1), text + '0', std::string(64, 'g')}) {
        CAPTURE(wrong);
        CHECK_FALSE(keys_of_list(wrong));
    }
    CHECK_THROWS(stored_keys("damaged"));
}

TEST_CASE("a removed device is gone for everybody and can come back") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("A1", State::allow, {"alice"})));
    must(store.devices().remove(hq.id, "a1"));
    CHECK(listed(store, hq.id).empty());
    CHECK_FALSE(store.devices().remove(hq.id, "A1"));
    CHECK_FALSE(store.devices().change(hq.id, "A1", {.state = State::deny}));
    must(store.devices().add(hq.id, record("a1", State::deny)));
    const auto page = must(store.devices().page(hq.id, "", 10));
    REQUIRE(page.size() == 1);
    CHECK(page[0].record.id == "a1");
    CHECK(page[0].record.users.empty());
}

TEST_CASE("instances don't see each other's devices") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq", 'a');
    const Instance branch = store.add_instance("branch", 'b');
    must(store.devices().add(hq.id, record("A1")));
    must(store.devices().add(branch.id, record("A1", State::deny)));
    CHECK_FALSE(store.devices().remove(branch.id, "A2"));
    must(store.devices().remove(branch.id, "A1"));
    CHECK(listed(store, hq.id) == "A1");
    CHECK(listed(store, branch.id).empty());
}

TEST_CASE("an import adds and changes, and leaves alone what is so already") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    const std::vector first = {record("A1", State::allow, {"alice"}), record("A2"), record("A3")};
    const auto counts = must(store.devices().import(hq.id, first));
    CHECK(counts.added == 3);
    must(store.devices().remove(hq.id, "A3"));
    const std::int64_t before = store.find("hq").last_change;

    const std::vector second = {record("A1", State::allow, {"alice"}), record("a2", State::deny),
                                record("A3"), record("A4")};
    const auto again = must(store.devices().import(hq.id, second));
    CHECK(again.unchanged == 1);
    CHECK(again.changed == 1);
    CHECK(again.added == 2);
    CHECK(lines_of(must(FeedSnapshot::open(store.path, hq.id, before))) ==
          "a2 deny; A3 allow; A4 allow");
    const std::int64_t after = store.find("hq").last_change;
    CHECK(must(store.devices().import(hq.id, second)).unchanged == 4);
    CHECK(must(store.devices().import(hq.id, {})).added == 0);
    CHECK(store.find("hq").last_change == after);
}

TEST_CASE("what an import doesn't say stays in devices that exist") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    device::Record bound = record("A1", State::deny, {"alice"}, "lost");
    bound.keys.resize(1);
    must(store.devices().add(hq.id, bound));
    const ImportParts nothing{.users = false, .state = false, .reason = false, .keys = false};
    const std::vector both = {record("A1", State::allow, {"eve"}), record("A2")};
    const auto counts = must(store.devices().import(hq.id, both, nothing));
    CHECK(counts.unchanged == 1);
    CHECK(counts.added == 1);
    const auto stored = [&] { return must(store.devices().page(hq.id, "", 10)).at(0).record; };
    CHECK(stored().state == State::deny);
    CHECK(stored().users == bound.users);
    CHECK(stored().reason == "lost");
    CHECK(stored().keys == bound.keys);
    must(store.devices().import(hq.id, both, {.keys = false}));
    CHECK(stored().users == std::vector<std::string>{"eve"});
    CHECK(stored().keys == bound.keys);
    must(store.devices().import(hq.id, both));
    CHECK(stored().keys.empty());
    // One that was removed comes back as new.
    must(store.devices().remove(hq.id, "A1"));
    must(store.devices().import(hq.id, both, nothing));
    CHECK(stored().users == std::vector<std::string>{"eve"});
}

TEST_CASE("a list is read page by page in the order of the ids") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    for (const char* id : {"b2", "A3", "a1", "ä"}) {
        must(store.devices().add(hq.id, record(id, State::allow, {"alice", "bob"})));
    }
    const auto first = must(store.devices().page(hq.id, "", 3));
    REQUIRE(first.size() == 3);
    CHECK(first[0].record.id == "a1");
    CHECK(first[1].record.id == "A3");
    CHECK(first[2].record.id == "b2");
    CHECK(first[2].record.users.size() == 2);
    const auto rest = must(store.devices().page(hq.id, "B2", 3));
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].record.id == "ä");
}

TEST_CASE("devices are counted by state") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    const std::vector all = {record("A1"),
                             record("A2"),
                             record("A3", State::deny),
                             record("A4", State::non_compliant),
                             record("A5", State::wipe),
                             record("A6")};
    must(store.devices().import(hq.id, all));
    must(store.devices().remove(hq.id, "A6"));
    const StateCounts counts = must(store.devices().count(hq.id));
    CHECK(counts[static_cast<std::size_t>(State::allow)] == 2);
    CHECK(counts[static_cast<std::size_t>(State::deny)] == 1);
    CHECK(counts[static_cast<std::size_t>(State::non_compliant)] == 1);
    CHECK(counts[static_cast<std::size_t>(State::wipe)] == 1);
    CHECK(counts[static_cast<std::size_t>(State::removed)] == 1);
}

TEST_CASE("forgetting tombstones makes older cursors useless and no newer ones") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq", 'a');
    const Instance branch = store.add_instance("branch", 'b');
    must(store.devices().import(hq.id, std::vector{record("A1"), record("A2")}));
    const std::int64_t before = store.find("hq").last_change;
    must(store.devices().remove(hq.id, "A1"));
    const std::int64_t removed = store.find("hq").last_change;
    CHECK(must(store.devices().forget_removed(std::time(nullptr) - 100)) == 0);
    CHECK(must(store.devices().forget_removed(std::time(nullptr) + 100)) == 1);
    CHECK(store.find("hq").forgotten_change == removed);
    CHECK(store.find("branch").forgotten_change == branch.forgotten_change);
    CHECK(FeedSnapshot::open(store.path, hq.id, before).error().kind == FailureKind::missing);
    CHECK(must(FeedSnapshot::open(store.path, hq.id, removed)).count() == 0);
    must(store.devices().add(hq.id, record("A1")));
    CHECK(lines_of(must(FeedSnapshot::open(store.path, hq.id, removed))) == "A1 allow");
}
