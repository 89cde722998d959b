#include "proxy/gate/feed_store.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/feed_clock.h"
#include "proxy/gate/feed_states.h"

namespace eg::gate {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using device::State;
using Table = FeedStore::Table;

struct Fixture {
    fs::path folder;
    log::Log log{log::Settings{.directory = "",
                               .file_name = "",
                               .node = "test",
                               .level = log::Level::error,
                               .format = log::Format::text}};
    Fixture() {
        std::string name = (fs::temp_directory_path() / "easgate-store-XXXXXX").string();
        folder = mkdtemp(name.data());
    }
    ~Fixture() { fs::remove_all(folder); }
    [[nodiscard]] std::string base() const { return folder / "devices.state"; }
    [[nodiscard]] device::StoredStates stored() const {
        auto read = device::read_states(base(), "hq");
        REQUIRE(read);
        REQUIRE(*read);
        return std::move(**read);
    }
};

device::Contact contact_at(std::int64_t ms) {
    device::Contact contact;
    contact.at.boottime_ms = ms;
    contact.at.wall_ms = contact.highest_wall_ms = 1'000'000 + ms;
    return contact;
}

void add(device::DeviceTable::Builder& builder, std::size_t number, State state) {
    const std::string user = fmt::format("user{:07}", number);
    builder.add(device::Record{fmt::format("{:032X}", number * 0x9E3779B97F4A7C15ULL),
                               {user, "CORP\\" + user, user + "@corp.example"},
                               state,
                               "compliant",
                               {}});
}

device::FeedDocument document(bool full, std::string cursor, std::size_t devices, State state) {
    device::FeedDocument document;
    document.full = full;
    document.cursor = std::move(cursor);
    for (std::size_t i = 0; i < devices; ++i) {
        add(document.records, i, state);
    }
    return document;
}

/// Without the mark of the servers that gave it.
std::string bare(const std::string& cursor) {
    return cursor.substr(device::format::kMostMarkBytes);
}

Table whole(std::string cursor, std::size_t devices = 3) {
    device::FeedDocument all = document(true, "", devices, State::allow);
    return std::move(all.records).build({}, std::move(cursor));
}

/// Hands over that the first device is now in this state.
Table store_change(FeedStore& store, const Table& before, std::string cursor, State state,
                   std::int64_t at) {
    device::FeedDocument change = document(false, "", 1, state);
    FeedStore::Delta delta{change.records.packed(), 1};
    Table table = std::move(change.records).build_on(*before, {}, std::move(cursor));
    store.save(table, std::move(delta), contact_at(at));
    return table;
}

std::string state_in(const device::DeviceTable& table, std::size_t number) {
    const auto record = table.find(fmt::format("{:032X}", number * 0x9E3779B97F4A7C15ULL));
    return record ? std::string(to_string(record->state())) : "-";
}

double ms_of(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

config::Mdm mdm_of(const Fixture& fixture) {
    config::Mdm mdm;
    mdm.state_file = fixture.base();
    return mdm;
}

std::size_t devices_wanted(std::size_t otherwise) {
    const char* wanted = std::getenv("EASGATE_TEST_DEVICES");
    return wanted == nullptr ? otherwise : std::strtoul(wanted, nullptr, 10);
}

}  // namespace

TEST_CASE("what waits is stored at the stop, changes in order and with their contact") {
    Fixture fixture;
    FeedStore store("hq", fixture.base(), fixture.log);
    store.start();
    Table table = whole("c1", 20'000);
    store.save(table, std::nullopt, contact_at(1));
    table = store_change(store, table, "c2", State::removed, 2);
    table = store_change(store, table, "c3", State::wipe, 3);
    store.confirm(contact_at(4));
    store.stop();
    CHECK(fixture.stored().table->cursor() == "c3");
    CHECK(state_in(*fixture.stored().table, 0) == "wipe");
    CHECK(fixture.stored().table->size() == 20'000);
    CHECK(fixture.stored().contact == contact_at(4));
    CHECK(table.use_count() == 1);

    store.start();
    table = store_change(store, table, "c4", State::deny, 5);
    store.save(whole("c9"), std::nullopt, contact_at(6));
    table = store_change(store, whole("c9"), "c10", State::deny, 7);
    store.stop();
    CHECK(fixture.stored().table->cursor() == "c10");
    CHECK(fixture.stored().table->size() == 3);
    CHECK(state_in(*fixture.stored().table, 0) == "deny");
    CHECK(fixture.stored().contact == contact_at(7));
}

TEST_CASE("a contact never counts for states that aren't on disk, and these are tried again") {
    Fixture fixture;
    FeedStore store("hq", fixture.base(), fixture.log);
    store.start();
    Table table = whole("c1");
    store.save(table, std::nullopt, contact_at(1));
    store.stop();
    const fs::path away = fixture.folder.string() + "-away";
    fs::rename(fixture.folder, away);
    store.start();
    table = store_change(store, table, "c2", State::deny, 2);
    store.confirm(contact_at(50));
    store.stop();
    fs::rename(away, fixture.folder);
    CHECK(fixture.stored().table->cursor() == "c1");
    CHECK(fixture.stored().contact.at == contact_at(1).at);
    store.start();
    table = store_change(store, table, "c3", State::wipe, 60);
    store.stop();
    CHECK(state_in(*fixture.stored().table, 0) == "wipe");
    CHECK(fixture.stored().contact == contact_at(60));
}

TEST_CASE("another state file gets the states whole") {
    Fixture fixture;
    FeedStore store("hq", fixture.base() + "-old", fixture.log);
    store.start();
    const Table table = whole("c1");
    store.save(table, std::nullopt, contact_at(1));
    store.move_to(fixture.base());
    store.save(table, std::nullopt, contact_at(2));
    store.stop();
    CHECK(fixture.stored().table->size() == 3);
    CHECK(fixture.stored().contact == contact_at(2));
}

TEST_CASE("at any moment the file holds states that were in force, never older ones than before") {
    Fixture fixture;
    FeedStore store("hq", fixture.base(), fixture.log);
    store.start();
    std::atomic<bool> done{false};
    std::atomic<bool> good{true};
    std::thread reader([&] {
        int newest = 0;
        while (!done.load()) {
            const auto read = device::read_states(fixture.base(), "hq");
            if (!read || !*read) {
                continue;  // a reader may come while a change is being appended
            }
            const int cursor = std::atoi((*read)->table->cursor().c_str());
            const char* const wanted = cursor % 2 == 0 ? "allow" : "deny";
            good = good.load() && cursor >= newest && state_in(*(*read)->table, 0) == wanted;
            newest = cursor;
        }
    });
    Table table;
    for (int i = 0; i < 400; ++i) {
        if (i % 50 == 0) {
            table = whole(std::to_string(i));
            store.save(table, std::nullopt, contact_at(i));
        } else {
            const State state = i % 2 == 0 ? State::allow : State::deny;
            table = store_change(store, table, std::to_string(i), state, i);
        }
        std::this_thread::sleep_for(500us);
    }
    store.stop();
    done = true;
    reader.join();
    CHECK(good.load());
    CHECK(fixture.stored().table->cursor() == "399");
}

TEST_CASE("a change is in force while the table before it is still being written") {
    bool seen = false;
    // A disk may be quick, and this thread may be kept waiting: the next round is larger.
    for (std::size_t devices = 20'000; !seen && devices <= 640'000; devices *= 2) {
        Fixture fixture;
        std::vector<std::string> published;
        FeedStates states(
            "hq", mdm_of(fixture), fixture.log,
            [&](const StatesUpdate& update) { published.push_back(bare(update.table->cursor())); },
            read_clocks);
        states.start();
        device::FeedDocument first = document(false, "c2", 1, State::deny);
        device::FeedDocument second = document(false, "c3", 2, State::wipe);
        REQUIRE(states.accept(document(true, "c1", devices, State::allow), false, read_clocks()));
        REQUIRE(states.accept(std::move(first), true, read_clocks()));
        REQUIRE(states.accept(std::move(second), true, read_clocks()));
        seen = !fs::exists(fixture.base() + ".hq");
        CHECK(published == std::vector<std::string>{"c1", "c2", "c3"});
        states.settle();
        CHECK(bare(fixture.stored().table->cursor()) == "c3");
        CHECK(fixture.stored().table->size() == devices);
        CHECK(state_in(*fixture.stored().table, 1) == "wipe");
    }
    CHECK(seen);
}

TEST_CASE("large layers become one behind the back of the feed") {
    Fixture fixture;
    std::vector<StatesUpdate> published;
    FeedStates states(
        "hq", mdm_of(fixture), fixture.log,
        [&](StatesUpdate update) { published.push_back(std::move(update)); }, read_clocks);
    states.start();
    REQUIRE(states.accept(document(true, "c1", 70'000, State::allow), false, read_clocks()));
    REQUIRE(states.accept(document(false, "c2", 10'000, State::deny), true, read_clocks()));
    CHECK(states.table()->due_merge());
    CHECK(published.back().everything);  // more changes than are named
    states.tend();
    REQUIRE(states.accept(document(false, "c3", 1, State::wipe), true, read_clocks()));
    for (int i = 0; i < 2000 && states.table()->due_merge(); ++i) {
        std::this_thread::sleep_for(10ms);
        states.tend();
    }
    CHECK_FALSE(states.table()->due_merge());
    CHECK(published.size() == 4);
    CHECK_FALSE(published.back().everything);
    CHECK(published.back().changed.empty());
    CHECK(bare(states.table()->cursor()) == "c3");
    CHECK(states.cursor() == "c3");
    CHECK(states.table()->size() == 70'000);
    CHECK(states.table()->count(State::deny) == 9'999);
    CHECK(state_in(*states.table(), 0) == "wipe");
    CHECK(state_in(*states.table(), 9'999) == "deny");
    CHECK(state_in(*states.table(), 10'000) == "allow");
    states.settle();
    CHECK(bare(fixture.stored().table->cursor()) == "c3");
}

/// EASGATE_TEST_DEVICES=1000000 measures what the product promises.
TEST_CASE("no change waits for the disk or a merge, no worker for a swap") {
    const std::size_t devices = devices_wanted(50'000);
    Fixture fixture;
    std::mutex mailbox;
    Table posted;
    std::atomic<bool> done{false};
    double longest_swap = 0;
    std::thread worker([&] {
        Table mine;
        for (std::size_t i = 0; !done.load(); ++i) {
            // Its own time: on a busy machine the thread may wait for a processor between any two.
            const double before = ms_of(CLOCK_THREAD_CPUTIME_ID);
            {
                const std::lock_guard lock(mailbox);
                mine = posted;
            }
            if (mine != nullptr) {
                (void)state_in(*mine, i % devices);
            }
            longest_swap = std::max(longest_swap, ms_of(CLOCK_THREAD_CPUTIME_ID) - before);
            std::this_thread::sleep_for(100us);
        }
    });
    FeedStates states(
        "hq", mdm_of(fixture), fixture.log,
        [&](const StatesUpdate& update) {
            const std::lock_guard lock(mailbox);
            posted = update.table;
        },
        read_clocks);
    states.start();
    double longest_change = 0;
    const auto accept = [&](device::FeedDocument taken, std::size_t changes) {
        const bool full = taken.full;
        const double cpu = ms_of(CLOCK_THREAD_CPUTIME_ID);
        const double wall = ms_of(CLOCK_MONOTONIC);
        REQUIRE(states.accept(std::move(taken), !full, read_clocks()));
        const double spent = ms_of(CLOCK_MONOTONIC) - wall;
        const double own = ms_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
        MESSAGE(fmt::format("{} {}: in force after {:.1f} ms, own time {:.1f} ms",
                            full ? "everything," : "changes,", changes, spent, own));
        longest_change = std::max(longest_change, own);
        states.tend();
    };
    accept(document(true, "c1", devices, State::allow), devices);
    for (const std::size_t share : {devices, std::size_t{1000}, std::size_t{10}, std::size_t{8},
                                    std::size_t{50}, std::size_t{7}, devices}) {
        accept(document(false, "c2", devices / share, State::deny), devices / share);
    }
    const double wall = ms_of(CLOCK_MONOTONIC);
    states.settle();
    MESSAGE("stopped after " << ms_of(CLOCK_MONOTONIC) - wall << " ms");
    done = true;
    worker.join();
    MESSAGE("the longest turn of a worker: " << longest_swap << " ms; the longest change: "
                                             << longest_change << " ms");
    CHECK(longest_swap < 5.0);
    CHECK(longest_change < 1000.0);
}

}  // namespace eg::gate
