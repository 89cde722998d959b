#include "filters/eas/versions.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace eg::filters::eas;

TEST_CASE("a version has a number and a text") {
    for (const int number : {25, 120, 121, 140, 141, 160, 161}) {
        const auto version = static_cast<std::uint16_t>(number);
        CHECK(is_version(version));
        CHECK(version_number(version_text(version)) == version);
    }
    for (const char* text : {"", "1.0", "2.1", "14", "14.10", "16.2", " 14.1"}) {
        CHECK(version_number(text) == 0);
    }
    CHECK_FALSE(is_version(0));
}

TEST_CASE("no list permits every version") {
    CHECK(VersionSet().is_every());
    CHECK(VersionSet(std::vector<std::string>()).is_every());
    CHECK(VersionSet().contains(25));
}

TEST_CASE("a server's list is narrowed in its own order") {
    const VersionSet set(std::vector<std::string>{"16.1", "14.1", "2.5"});
    CHECK_FALSE(set.is_every());
    CHECK(set.contains(161));
    CHECK_FALSE(set.contains(160));
    CHECK_FALSE(set.contains(0));
    CHECK(set.narrow("2.5,12.0,12.1,14.0,14.1,16.0,16.1") == "2.5,14.1,16.1");
    CHECK(set.narrow("16.1, 14.1 ,,2.5") == "16.1,14.1,2.5");
    CHECK(set.narrow("14.1,14.1,14.1") == "14.1");
    CHECK(set.narrow("1.0,2.0,12.1,16.10,114.1") == "");
    CHECK(set.narrow("") == "");
    const VersionSet all(
        std::vector<std::string>{"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"});
    CHECK(all.narrow("16.1,16.0,14.1,14.0,12.1,12.0,2.5,2.5") ==
          "16.1,16.0,14.1,14.0,12.1,12.0,2.5");
}
