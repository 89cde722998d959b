#include "mdm/commands/table.h"

#include <doctest/doctest.h>

using namespace eg::mdm;

TEST_CASE("columns are aligned by characters, the last one isn't padded") {
    Table table({"ID", "USERS"});
    table.add({"A1", "alice"});
    table.add({"ÄÖÜ45", ""});
    CHECK(table.take() ==
          "ID     USERS\n"
          "A1     alice\n"
          "ÄÖÜ45  -\n");
    table.add({"B", "bob"});
    CHECK(table.take() == "B      bob\n");
    CHECK(table.take().empty());
}

TEST_CASE("times for people and for programs") {
    CHECK(local_time(0) == "never");
    CHECK(local_time(1795323893).size() == 19);
    CHECK(utc_time(1795323893) == "2026-11-22T05:04:53Z");
}
