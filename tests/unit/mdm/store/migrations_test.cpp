#include "mdm/store/migrations.h"

#include <array>
#include <string>

#include <doctest/doctest.h>
#include <soci/soci.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;

namespace {

using namespace std::string_view_literals;

int version_of(Database& database) {
    int version = 0;
    database.session() << "SELECT version FROM schema_version", soci::into(version);
    return version;
}

int count_of(Database& database, const std::string& query) {
    int count = 0;
    database.session() << query, soci::into(count);
    return count;
}

}  // namespace

TEST_CASE("the steps are numbered from 1 without a gap") {
    int expected = 1;
    for (const Migration& step : migrations()) {
        CHECK(step.version == expected++);
        CHECK_FALSE(step.statements.empty());
    }
    CHECK(newest_version() == expected - 1);
}

TEST_CASE("a fresh database has the newest version") {
    TemporaryStore store;
    CHECK(version_of(store.database) == newest_version());
}

TEST_CASE("a later step is applied once to an older database, and its data stays") {
    TemporaryStore store;
    store.add_instance("hq");
    static constexpr std::array kStatements = {
        "CREATE TABLE extra (name TEXT)"sv,
        "INSERT INTO extra (name) SELECT name FROM instances"sv};
    const int next = newest_version() + 1;
    const std::array steps = {Migration{1, "never run again", {}},
                              Migration{next, "one more table", kStatements}};
    must(migrate(store.database.session(), steps, false));
    must(migrate(store.database.session(), steps, false));
    CHECK(version_of(store.database) == next);
    CHECK(count_of(store.database, "SELECT count(*) FROM extra WHERE name = 'hq'") == 1);
}

TEST_CASE("the devices of an older database have no keys") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    must(store.devices().add(hq.id, record("A1", device::State::allow, {"alice"})));
    // As the first version left it.
    store.database.session() << "ALTER TABLE devices DROP COLUMN keys";
    store.database.session() << "UPDATE schema_version SET version = 1";
    must(migrate(store.database.session(), migrations(), false));
    CHECK(version_of(store.database) == newest_version());
    const auto page = must(store.devices().page(hq.id, "", 10));
    REQUIRE(page.size() == 1);
    CHECK(page[0].record.users == std::vector<std::string>{"alice"});
    CHECK(page[0].record.keys.empty());
}

TEST_CASE("a step that fails leaves nothing of itself") {
    TemporaryStore store;
    static constexpr std::array kStatements = {"CREATE TABLE extra (name TEXT)"sv,
                                               "INSERT INTO nowhere (name) VALUES ('x')"sv};
    const std::array steps = {Migration{1, "never run again", {}},
                              Migration{newest_version() + 1, "broken", kStatements}};
    CHECK_FALSE(migrate(store.database.session(), steps, false));
    CHECK(version_of(store.database) == newest_version());
    CHECK(count_of(store.database, "SELECT count(*) FROM sqlite_master WHERE name = 'extra'") == 0);
}

TEST_CASE("a database of a newer program is refused and stays as it is") {
    TemporaryStore store;
    store.database.session() << "UPDATE schema_version SET version = 99";
    const auto opened = Database::open(store.path, Milliseconds(100));
    REQUIRE(!opened);
    CHECK(opened.error().text.find("newer") != std::string::npos);
    CHECK(version_of(store.database) == 99);
}
