#include "proxy/device/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace eg::device {

namespace {

namespace fs = std::filesystem;

/// A folder that is gone after the test.
struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "easgate-file-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] std::string base() const { return (path / "devices.state").string(); }
    [[nodiscard]] std::string file() const { return base() + ".hq"; }
};

std::string slurp(const std::string& path) {
    std::string bytes(fs::file_size(path), '\0');
    std::ifstream(path, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

void spill(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

Contact contact_at(std::int64_t ms) {
    Contact contact;
    contact.at.boot.fill(9);
    contact.at.boottime_ms = ms;
    contact.at.wall_ms = 1'000'000 + ms;
    contact.highest_wall_ms = contact.at.wall_ms;
    return contact;
}

using Builder = DeviceTable::Builder;
using Table = std::shared_ptr<const DeviceTable>;

Table first_table(int devices = 3) {
    Builder builder;
    for (int i = 0; i < devices; ++i) {
        builder.add(Record{fmt::format("D{}", i), {"alice", "bob"}, State::allow, "ok", {}});
    }
    return std::move(builder).build({.only_secure_email = true}, "cursor-1");
}

/// Saves, as a delta, that `id` is now in `state`.
Table save_change(StateFile& file, const Table& before, const std::string& id, State state,
                  std::int64_t at) {
    Builder builder;
    builder.add(Record{id, {}, state, "", {}});
    const std::vector<unsigned char> packed = builder.packed();
    const Table table = std::move(builder).build_on(*before, before->policy(), "cursor-2");
    REQUIRE(file.save(*table, StateFile::Delta{packed, 1}, contact_at(at)));
    return table;
}

std::string state_in(const StoredStates& states, std::string_view id) {
    const auto record = states.table->find(id);
    return record ? std::string(to_string(record->state())) : "-";
}

}  // namespace

TEST_CASE("no file is no states, not an error") {
    const Folder folder;
    const auto read = read_states(folder.base(), "hq");
    REQUIRE(read);
    CHECK_FALSE(*read);
}

TEST_CASE("a table is read back with its policy, cursor and contact") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    REQUIRE(file.save(*first_table(1000), std::nullopt, contact_at(77)));
    CHECK(file.in_step());
    const auto read = read_states(folder.base(), "hq");
    REQUIRE(read);
    REQUIRE(*read);
    const StoredStates& states = **read;
    CHECK(states.table->size() == 1000);
    CHECK(states.table->cursor() == "cursor-1");
    CHECK(states.table->policy().only_secure_email);
    CHECK(states.table->find("d999")->users() == std::vector<std::string>{"alice", "bob"});
    CHECK(states.contact == contact_at(77));
    struct stat status{};
    REQUIRE(stat(folder.file().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(fs::exists(folder.file() + ".new"));
}

TEST_CASE("deltas are appended, and appended to what an earlier process wrote") {
    const Folder folder;
    Table table = first_table();
    {
        StateFile file(folder.base(), "hq");
        REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
        table = save_change(file, table, "D1", State::deny, 2);
    }
    const std::string before = slurp(folder.file());
    StateFile file(folder.base(), "hq");
    REQUIRE(file.load());
    table = save_change(file, table, "D2", State::removed, 3);
    CHECK(slurp(folder.file()).starts_with(before));
    const auto read = read_states(folder.base(), "hq");
    REQUIRE(read);
    CHECK(state_in(**read, "D0") == "allow");
    CHECK(state_in(**read, "D1") == "deny");
    CHECK(state_in(**read, "D2") == "-");
    CHECK((*read)->contact == contact_at(3));
    CHECK((*read)->table->cursor() == "cursor-2");
    CHECK((*read)->table->policy().only_secure_email);
}

TEST_CASE("many deltas make the file whole again") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    Table table = first_table();
    REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
    const std::string large(50'000, 'r');
    std::uintmax_t most = 0;
    for (int i = 0; i < 60; ++i) {
        Builder builder;
        builder.add(Record{"D1", {}, State::deny, large, {}});
        const auto packed = builder.packed();
        table = std::move(builder).build_on(*table, {}, "c");
        REQUIRE(file.save(*table, StateFile::Delta{packed, 1}, contact_at(i)));
        most = std::max(most, fs::file_size(folder.file()));
    }
    CHECK(most > 500'000);
    CHECK(most < 1'300'000);
    CHECK((*read_states(folder.base(), "hq"))->table->size() == 3);
}

TEST_CASE("any byte that is changed, anywhere, spoils the file as a whole") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
    (void)save_change(file, table, "D1", State::deny, 2);
    REQUIRE(file.confirm(contact_at(5)));
    for (const std::string& path : {folder.file(), folder.file() + ".contact"}) {
        const std::string good = slurp(path);
        for (std::size_t i = 0; i < good.size(); ++i) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ 0x10);
            spill(path, bad);
            CHECK_FALSE(read_states(folder.base(), "hq"));
        }
        spill(path, good);
        CHECK(read_states(folder.base(), "hq"));
    }
}

TEST_CASE("an append that was killed leaves the states before it, and saving goes on from there") {
    const Folder folder;
    std::optional<StateFile> file;
    file.emplace(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(file->save(*table, std::nullopt, contact_at(1)));
    REQUIRE(file->confirm(contact_at(1)));
    const std::size_t whole = slurp(folder.file()).size();
    (void)save_change(*file, table, "D1", State::deny, 2);
    const std::string good = slurp(folder.file());
    for (std::size_t length = 0; length < good.size(); ++length) {
        spill(folder.file(), std::string_view(good).substr(0, length));
        const auto read = read_states(folder.base(), "hq");
        REQUIRE(read.has_value() == (length >= whole));
        if (read) {
            CHECK((*read)->torn == (length > whole));
            CHECK(state_in(**read, "D1") == "allow");
            CHECK((*read)->contact.at == contact_at(1).at);
        }
    }
    file.reset();
    for (const std::size_t length : {whole + 1, whole + 100, good.size() - 1}) {
        CAPTURE(length);
        spill(folder.file(), std::string_view(good).substr(0, length));
        StateFile again(folder.base(), "hq");
        REQUIRE(again.load());
        CHECK_FALSE(again.in_step());  // the next save replaces the file
        (void)save_change(again, table, "D0", State::wipe, 60);
        const auto read = read_states(folder.base(), "hq");
        REQUIRE(read);
        CHECK_FALSE((*read)->torn);
        CHECK(state_in(**read, "D0") == "wipe");
        CHECK(state_in(**read, "D1") == "allow");
    }
}

TEST_CASE("what stands behind the last block must be the beginning of another") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
    const std::string good = slurp(folder.file());
    for (const std::string_view tail : {"x", "EGSTATE2", "EGSX"}) {
        spill(folder.file(), good + std::string(tail));
        CHECK_FALSE(read_states(folder.base(), "hq"));
    }
    spill(folder.file(), good + std::string(40, '\0'));
    CHECK_FALSE(read_states(folder.base(), "hq"));
    // A beginning that is wrong as far as it goes.
    spill(folder.file(), good);
    (void)save_change(file, table, "D1", State::deny, 2);
    const std::string longer = slurp(folder.file());
    for (std::size_t i = good.size(); i < good.size() + 104; ++i) {
        std::string bad = longer.substr(0, longer.size() - 1);
        bad[i] = static_cast<char>(bad[i] ^ 0x10);
        spill(folder.file(), bad);
        CHECK_FALSE(read_states(folder.base(), "hq"));
    }
}

TEST_CASE("a file that is older than the contact record is refused, wherever it was cut") {
    const Folder folder;
    std::optional<StateFile> file;
    file.emplace(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(file->save(*table, std::nullopt, contact_at(1)));
    const std::string older = slurp(folder.file());
    const Table next = save_change(*file, table, "D1", State::deny, 2);
    REQUIRE(file->confirm(contact_at(50)));
    const std::string good = slurp(folder.file());
    for (std::size_t length = 0; length < good.size(); ++length) {
        spill(folder.file(), std::string_view(good).substr(0, length));
        REQUIRE_FALSE(read_states(folder.base(), "hq"));
    }
    spill(folder.file(), older);
    REQUIRE_FALSE(read_states(folder.base(), "hq"));
    file.reset();
    // Going on after a refusal writes the file anew.
    StateFile again(folder.base(), "hq");
    REQUIRE_FALSE(again.load());
    CHECK_FALSE(again.in_step());
    (void)save_change(again, next, "D0", State::wipe, 60);
    const auto read = read_states(folder.base(), "hq");
    REQUIRE(read);
    CHECK(state_in(**read, "D0") == "wipe");
    CHECK(state_in(**read, "D1") == "deny");
}

TEST_CASE("one identity's file is nothing to another") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    REQUIRE(file.save(*first_table(), std::nullopt, contact_at(1)));
    fs::copy(folder.file(), folder.base() + ".branch");
    CHECK_FALSE(read_states(folder.base(), "branch"));
}

TEST_CASE("a contact counts for the states that it confirmed, and for no others") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
    REQUIRE(file.confirm(contact_at(500)));
    CHECK((*read_states(folder.base(), "hq"))->contact == contact_at(500));
    (void)save_change(file, table, "D1", State::deny, 600);
    CHECK((*read_states(folder.base(), "hq"))->contact == contact_at(600));
}

TEST_CASE("a disk that refuses keeps the older states, and saving works again afterwards") {
    const Folder folder;
    StateFile file(folder.base() + "/missing", "hq");
    CHECK_FALSE(file.save(*first_table(), std::nullopt, contact_at(1)));
    CHECK_FALSE(file.in_step());
    StateFile good(folder.base(), "hq");
    const Table table = first_table();
    REQUIRE(good.save(*table, std::nullopt, contact_at(1)));
    // Somebody else's bytes at the end: nothing may be appended to them.
    std::ofstream(folder.file(), std::ios::app) << "x";
    Builder builder;
    builder.add(Record{"D1", {}, State::deny, "", {}});
    const auto packed = builder.packed();
    const Table next = std::move(builder).build_on(*table, {}, "c");
    CHECK_FALSE(good.save(*next, StateFile::Delta{packed, 1}, contact_at(2)));
    CHECK_FALSE(good.in_step());
    REQUIRE(good.save(*next, StateFile::Delta{packed, 1}, contact_at(3)));
    CHECK(state_in(**read_states(folder.base(), "hq"), "D1") == "deny");
}

TEST_CASE("a whole table that is given up leaves the older states") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    REQUIRE(file.save(*first_table(), std::nullopt, contact_at(1)));
    std::stop_source stop;
    stop.request_stop();
    CHECK_FALSE(file.save(*first_table(9), std::nullopt, contact_at(2), stop.get_token()));
    CHECK_FALSE(file.in_step());
    CHECK_FALSE(fs::exists(folder.file() + ".new"));
    CHECK((*read_states(folder.base(), "hq"))->table->size() == 3);
    REQUIRE(file.save(*first_table(9), std::nullopt, contact_at(3)));
    CHECK((*read_states(folder.base(), "hq"))->table->size() == 9);
}

TEST_CASE("a second writer is kept out while the first one lives, a reader is not") {
    const Folder folder;
    CHECK_FALSE(in_use(folder.base(), "hq"));
    const Table table = first_table();
    {
        StateFile file(folder.base(), "hq");
        REQUIRE(file.load());
        REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
        CHECK(in_use(folder.base(), "hq"));
        CHECK_FALSE(in_use(folder.base(), "branch"));
        StateFile second(folder.base(), "hq");
        const auto loaded = second.load();
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().code == ErrorCode::unavailable);
        CHECK_FALSE(second.save(*table, std::nullopt, contact_at(2)));
        CHECK(read_states(folder.base(), "hq"));
    }
    CHECK_FALSE(in_use(folder.base(), "hq"));
    StateFile third(folder.base(), "hq");
    CHECK(third.load());
}

/// `easgate explain` reads beside a node that saves.
TEST_CASE("who reads while states are saved never takes them for cut ones") {
    const Folder folder;
    StateFile file(folder.base(), "hq");
    Table table = first_table();
    REQUIRE(file.save(*table, std::nullopt, contact_at(1)));
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int i = 1; i <= 200; ++i) {
            const std::int64_t at = 10LL * i;
            table = save_change(file, table, "D0", i % 2 == 0 ? State::allow : State::deny, at);
            REQUIRE(file.confirm(contact_at(at + 5)));
        }
        done = true;
    });
    std::size_t wrong = 0;
    while (!done) {
        const auto states = read_states(folder.base(), "hq");
        wrong += states && *states ? 0U : 1U;
    }
    writer.join();
    CHECK(wrong == 0);
}

}  // namespace eg::device
