#include "proxy/device/table.h"

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::device {

namespace {

using Builder = DeviceTable::Builder;
using Table = std::shared_ptr<const DeviceTable>;

Record make_record(std::string id, State state = State::allow) {
    return {std::move(id), {}, state, "", {}};
}

Table table_of(std::initializer_list<Record> records) {
    Builder builder;
    for (const Record& record : records) {
        builder.add(record);
    }
    return std::move(builder).build();
}

Table changed(const Table& before, std::initializer_list<Record> records) {
    Builder builder;
    for (const Record& record : records) {
        builder.add(record);
    }
    return std::move(builder).build_on(*before, before->policy(), "next");
}

/// "-" if the id isn't listed.
std::string state_of(const Table& table, std::string_view id) {
    const auto record = table->find(id);
    return record ? std::string(to_string(record->state())) : "-";
}

std::set<std::string> ids_of(const DeviceTable& table) {
    std::set<std::string> ids;
    table.for_each([&ids](const RecordView& record) { ids.emplace(record.id()); });
    return ids;
}

}  // namespace

TEST_CASE("a record comes back as it was put in") {
    Record record{
        "ApplDN6", {"alice", "CORP\\alice", "alice@corp.example"}, State::wipe, "lost", {}};
    record.keys.resize(2);
    record.keys[0].fill(0xAA);
    record.keys[1].fill(0x55);
    const Table table = table_of({make_record("first"), record, make_record("last")});
    const auto found = table->find("appldn6");
    REQUIRE(found);
    const Record back = found->copy();
    CHECK(back.id == record.id);
    CHECK(back.users == record.users);
    CHECK(back.state == record.state);
    CHECK(back.reason == record.reason);
    CHECK(back.keys == record.keys);
    CHECK_FALSE(found->any_user());
    CHECK(found->any_of_users([](std::string_view user) { return user == "CORP\\alice"; }));
    CHECK_FALSE(found->any_of_users([](std::string_view user) { return user == "bob"; }));
    CHECK(table->find("last")->any_user());
    CHECK(table->find("last")->keys().empty());
}

TEST_CASE("ids are compared without letter case, other bytes by their hexadecimal") {
    std::string raw;
    for (int i = 0; i < 16; ++i) {
        raw += static_cast<char>(0xF0 + i);
    }
    const Table table = table_of(
        {make_record("AbC1"), make_record(to_hex(raw)), make_record("with-dash", State::deny)});
    CHECK(state_of(table, "abc1") == "allow");
    CHECK(state_of(table, "ABC1") == "allow");
    CHECK(state_of(table, "abc") == "-");
    CHECK(state_of(table, "abc12") == "-");
    CHECK(state_of(table, "") == "-");
    CHECK(state_of(table, raw) == "allow");
    CHECK(state_of(table, to_hex(raw)) == "allow");
    CHECK(state_of(table, lower(to_hex(raw))) == "allow");
    CHECK(state_of(table, "with-dash") == "deny");
    CHECK(state_of(table, "With-Dash") == "-");
    CHECK(state_of(table, to_hex("with-dash")) == "deny");
    CHECK(state_of(table, std::string_view("ABC1\0", 5)) == "-");
}

TEST_CASE(
    "the MDM server may list a text id as its hexadecimal, but hexadecimal never becomes text") {
    const Table table = table_of({make_record(to_hex("Phone1"))});
    CHECK(state_of(table, "Phone1") == "allow");
    CHECK(state_of(table, to_hex("Phone1")) == "allow");
    const Table text = table_of({make_record("Phone1")});
    CHECK(state_of(text, to_hex("Phone1")) == "-");
}

TEST_CASE("of two spellings the one that isn't allow rules") {
    const std::string hex = to_hex("P1");
    CHECK(state_of(table_of({make_record("P1"), make_record(hex, State::deny)}), "P1") == "deny");
    CHECK(state_of(table_of({make_record("P1", State::wipe), make_record(hex)}), "P1") == "wipe");
    CHECK(state_of(table_of({make_record("P1"), make_record(hex)}), "P1") == "allow");
}

TEST_CASE("a hexadecimal spelling is found in any layer, whatever its length") {
    const Table before = table_of({make_record("P1"), make_record("P2")});
    for (const std::size_t size : {1U, 2U, 127U, 128U, 254U, 255U, 256U, 300U}) {
        CAPTURE(size);
        const std::string id(size, 'P');
        DeviceTable::Builder builder;
        builder.add(make_record(to_hex(id), State::deny));
        const Table table = std::move(builder).build_on(*before, {}, "");
        CHECK(state_of(table, id) == "deny");
        CHECK(state_of(table, id + 'P') == "-");
        CHECK(state_of(before, id) == "-");
    }
}

TEST_CASE("ids longer than the short form are found too") {
    const std::string text(3000, 'x');
    const std::string bytes(300, '\xEE');
    const Table table = table_of({make_record(text), make_record(bytes, State::deny)});
    CHECK(state_of(table, text) == "allow");
    CHECK(state_of(table, bytes) == "deny");
    CHECK(state_of(table, std::string(2999, 'x')) == "-");
}

TEST_CASE("the last record of an id counts, in a full list as in a delta") {
    const Table table = table_of({make_record("a"), make_record("A", State::deny)});
    CHECK(table->size() == 1);
    CHECK(table->count(State::allow) == 0);
    CHECK(state_of(table, "a") == "deny");
    const Table next = changed(table, {make_record("a", State::removed), make_record("a")});
    CHECK(state_of(next, "a") == "allow");
    CHECK(next->size() == 1);
    CHECK(next->cursor() == "next");
    CHECK(state_of(table, "a") == "deny");
}

TEST_CASE("removed takes a device away; in a full list it is as good as absent") {
    const Table full = table_of({make_record("a"), make_record("b", State::removed)});
    CHECK(full->size() == 1);
    CHECK(full->count(State::removed) == 0);
    CHECK(ids_of(*full) == std::set<std::string>{"a"});
    const Table next = changed(full, {make_record("a", State::removed)});
    CHECK(next->size() == 0);
    CHECK(state_of(next, "a") == "-");
    CHECK(state_of(changed(next, {make_record("A")}), "a") == "allow");
}

TEST_CASE("records that fill more than one stretch of memory") {
    constexpr int kDevices = 600;  // of 60 KB: 36 MB
    Builder builder;
    for (int i = 0; i < kDevices; ++i) {
        builder.add(Record{fmt::format("D{}", i), {}, State::deny, std::string(60'000, 'r'), {}});
    }
    const Table table = std::move(builder).build();
    for (int i = 0; i < kDevices; ++i) {
        const std::string id = fmt::format("D{}", i);
        const auto record = table->find(id);
        REQUIRE(record);
        CHECK(record->id() == id);
        CHECK(record->reason().size() == 60'000);
    }
    CHECK(ids_of(*table).size() == kDevices);
}

TEST_CASE("a record without id or of absurd size spoils the builder") {
    Builder empty;
    empty.add(make_record(""));
    CHECK_FALSE(empty.ok());
    CHECK(std::move(empty).build() == nullptr);
    Builder large;
    large.add(Record{"a", {std::string(200'000, 'u')}, State::allow, "", {}});
    CHECK(std::move(large).build() == nullptr);
}

TEST_CASE(
    "hashes name what a change may concern, so that held requests of either spelling are found") {
    Builder builder;
    builder.add(make_record(to_hex("P1"), State::deny));
    builder.add(make_record("41zz"));
    const std::vector<std::uint64_t> hashes = builder.hashes();
    REQUIRE(hashes.size() == 3);
    CHECK(hashes[0] == DeviceTable::hash_id(to_hex("P1")));
    CHECK(hashes[1] == DeviceTable::hash_id("p1"));
    CHECK(hashes[2] == DeviceTable::hash_id("41ZZ"));
    CHECK(DeviceTable::hash_id("\xFE\xFF") == DeviceTable::hash_id("feff"));
}

TEST_CASE("random deltas on top of each other say the same as a map") {
    std::mt19937 random(7);
    std::map<std::string, State> model;
    Table table = table_of({});
    for (int round = 0; round < 400; ++round) {
        Builder builder;
        const unsigned lines = round % 50 == 0 ? 2000 : random() % 8;
        for (unsigned i = 0; i < lines; ++i) {
            const std::string id = fmt::format("D{}", random() % 5000);
            const auto state = static_cast<State>(random() % 5);
            builder.add(make_record(id, state));
            if (state == State::removed) {
                model.erase(id);
            } else {
                model[id] = state;
            }
        }
        table = std::move(builder).build_on(*table, {}, "c");
        REQUIRE(table);
        REQUIRE(table->size() == model.size());
    }
    std::array<std::size_t, 5> counts{};
    for (const auto& [id, state] : model) {
        CHECK(state_of(table, id) == to_string(state));
        ++counts[static_cast<std::size_t>(state)];
    }
    for (const State state : {State::allow, State::deny, State::non_compliant, State::wipe}) {
        CHECK(table->count(state) == counts[static_cast<std::size_t>(state)]);
    }
    std::set<std::string> expected;
    for (const auto& [id, state] : model) {
        expected.insert(id);
    }
    CHECK(ids_of(*table) == expected);
}

TEST_CASE("a merge that would take long is left for later, and changes nothing but the layers") {
    const auto many = [](int from, int to, State state) {
        Builder builder;
        for (int i = from; i < to; ++i) {
            builder.add(make_record(fmt::format("D{}", i), state));
        }
        return builder;
    };
    const Table base = many(0, 60'000, State::allow).build();
    CHECK_FALSE(base->due_merge());
    const Table next = many(50'000, 70'000, State::removed).build_on(*base, {}, "c2");
    auto merge = next->due_merge();
    REQUIRE(merge);
    CHECK(next->with(*merge) == nullptr);  // it hasn't run
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(merge->run(stop.get_token()));
    REQUIRE(merge->run());
    const Table later = changed(next, {make_record("D1", State::deny), make_record("D55000")});
    const Table merged = later->with(*merge);
    REQUIRE(merged);
    CHECK_FALSE(merged->due_merge());
    CHECK(merged->with(*merge) == nullptr);  // once
    CHECK(base->with(*merge) == nullptr);
    CHECK(merged->cursor() == "next");
    CHECK(merged->size() == 50'001);
    CHECK(ids_of(*merged) == ids_of(*later));
    CHECK(state_of(merged, "D1") == "deny");
    CHECK(state_of(merged, "D55000") == "allow");
    CHECK(state_of(merged, "D55001") == "-");
    CHECK(merged->memory_bytes() < later->memory_bytes());
}

/// EASGATE_TEST_DEVICES=1000000 measures the size that the product promises.
TEST_CASE("a device with three users takes at most 160 bytes") {
    const char* wanted = std::getenv("EASGATE_TEST_DEVICES");
    const std::size_t devices = wanted == nullptr ? 200'000 : std::strtoul(wanted, nullptr, 10);
    const auto start = std::chrono::steady_clock::now();
    Builder builder;
    for (std::size_t i = 0; i < devices; ++i) {
        const std::string name = fmt::format("user{:07}", i);
        builder.add(Record{fmt::format("{:032X}", i * 0x9E3779B97F4A7C15ULL),
                           {name, "CORP\\" + name, name + "@corp.example"},
                           State::allow,
                           "compliant",
                           {}});
    }
    const Table table = std::move(builder).build();
    const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    REQUIRE(table->size() == devices);
    const double bytes = static_cast<double>(table->memory_bytes()) / static_cast<double>(devices);
    MESSAGE(devices << " devices: " << bytes << " bytes each, built in " << spent.count() << " ms");
    CHECK(bytes <= 160.0);

    const auto before_delta = std::chrono::steady_clock::now();
    const Table next = changed(table, {make_record("new")});
    const auto delta = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - before_delta);
    MESSAGE("a delta of one device on top: " << delta.count() << " us");
    CHECK(next->size() == devices + 1);
    CHECK(delta.count() < 100'000);
}

}  // namespace eg::device
