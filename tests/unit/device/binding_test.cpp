#include "proxy/device/binding.h"

#include <doctest/doctest.h>

using namespace eg;
using namespace eg::device;

namespace {

std::vector<StoredBinding> some() {
    return {{.id = "A1", .user = "CORP\\al\"ice\n", .key = std::nullopt, .since = 5},
            {.id = "B2", .user = "", .key = KeyHash{1, 2, 255}, .since = 1'790'000'000},
            {.id = "C3", .user = std::string("z\0\xc3\xbc", 4), .key = KeyHash{}, .since = -1}};
}

}  // namespace

TEST_CASE("bindings are read as they were written") {
    const auto read = parse_bindings(write_bindings(some(), "mail"), "mail");
    REQUIRE(read.has_value());
    REQUIRE(read->size() == 3);
    for (std::size_t i = 0; i < read->size(); ++i) {
        CHECK((*read)[i].id == some()[i].id);
        CHECK((*read)[i].user == some()[i].user);
        CHECK((*read)[i].key == some()[i].key);
        CHECK((*read)[i].since == some()[i].since);
    }
    CHECK(parse_bindings(write_bindings({}, "mail"), "mail")->empty());
}

TEST_CASE("whatever else is in the file is damage") {
    const std::string good = write_bindings(some(), "mail");
    CHECK_FALSE(parse_bindings(good, "lab"));
    CHECK_FALSE(parse_bindings(good + "\n", "mail"));
    for (std::size_t i = 0; i < good.size(); ++i) {
        CAPTURE(i);
        CHECK_FALSE(parse_bindings(good.substr(0, i), "mail"));
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        CHECK_FALSE(parse_bindings(bad, "mail"));
    }
}

TEST_CASE("the file lies beside the state file") {
    CHECK(bindings_path("/var/lib/easgate/devices.state", "mail") ==
          "/var/lib/easgate/devices.bindings.mail");
    CHECK(bindings_path("states", "mail") == "states.bindings.mail");
    CHECK(bindings_path("a.state/table", "mail") == "a.state/table.bindings.mail");
    CHECK(load_bindings("/nonexistent/devices.bindings.mail", "mail")->empty());
}
