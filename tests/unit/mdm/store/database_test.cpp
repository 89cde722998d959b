#include "mdm/store/database.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <soci/soci.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;

namespace {

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t files_in(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("a new database can be read by its owner only and leaves no draft behind") {
    TemporaryFolder folder;
    const std::string path = (folder.path / "mdm.db").string();
    must(Database::create(path));
    struct stat facts{};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK(files_in(folder.path) == 1);
}

TEST_CASE("an existing file is never overwritten, whatever it is") {
    TemporaryFolder folder;
    const std::string path = (folder.path / "mdm.db").string();
    std::ofstream(path) << "precious";
    const auto again = Database::create(path);
    REQUIRE(!again);
    CHECK(again.error().kind == FailureKind::exists);
    CHECK(text_of(path) == "precious");
    CHECK(files_in(folder.path) == 1);
}

TEST_CASE("a folder that isn't there, or a path with a quote, is said") {
    TemporaryFolder folder;
    CHECK(
        error_of(Database::create((folder.path / "no" / "mdm.db").string())).find("can't create") ==
        0);
    CHECK(Database::create("a\"b").error().kind == FailureKind::invalid);
    CHECK(Database::create("").error().kind == FailureKind::invalid);
}

TEST_CASE("opening says whether nothing is there or something else") {
    TemporaryFolder folder;
    const std::string path = (folder.path / "mdm.db").string();
    CHECK(error_of(Database::open(path, Milliseconds(10))).find("easgate-mdm init") !=
          std::string::npos);
    CHECK_FALSE(std::filesystem::exists(path));
    std::ofstream(path) << "this is no database at all, only a text of some length";
    CHECK(Database::open(path, Milliseconds(10)).error().kind == FailureKind::invalid);
}

TEST_CASE("a writer that finds another one writing gives up after its patience") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    Database other = must(Database::open(store.path, Milliseconds(30)));
    {
        soci::transaction writing(store.database.session());
        (void)take_numbers(store.database.session(), 1);
        CHECK(Devices(other).add(hq.id, record("A1")).error().kind == FailureKind::busy);
        // Reading goes on meanwhile.
        CHECK(must(Instances(other).list()).size() == 1);
    }
    must(Devices(other).add(hq.id, record("A1")));
}

TEST_CASE("an open snapshot holds no writer up, and doesn't see what is written") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    auto snapshot = must(FeedSnapshot::open(store.path, hq.id, std::nullopt));
    must(store.devices().add(hq.id, record("A1")));
    CHECK(snapshot.count() == 0);
    CHECK(must(snapshot.next(10)).empty());
}

TEST_CASE("numbers rise over everything that is written") {
    TemporaryStore store;
    soci::transaction writing(store.database.session());
    const std::int64_t first = take_numbers(store.database.session(), 1);
    CHECK(take_numbers(store.database.session(), 10) == first + 1);
    CHECK(take_numbers(store.database.session(), 1) == first + 11);
}
