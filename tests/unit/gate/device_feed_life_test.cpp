#include <chrono>
#include <filesystem>
#include <memory>

#include <doctest/doctest.h>

#include "proxy/gate/device_feed.h"
#include "tests/unit/gate/fake_mdm.h"
#include "tests/unit/gate/feed_rig.h"

namespace eg::gate {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("states survive a restart, and their age goes on") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    (void)mdm.polls(2);
    gate.feed().stop();

    SUBCASE("a clock that is set changes nothing within a boot") {
        gate.wall_offset_ms = -86'400'000;
        CHECK(gate.restart().status().has_states);
        CHECK(gate.update(1).everything);
        CHECK(gate.state_of("A") == "allow");
        CHECK(gate.fresh());
        gate.wall_offset_ms = 86'400'000;
        gate.restart();
        CHECK(gate.fresh());
    }
    SUBCASE("older than the lifetime is too old, but a base for changes") {
        gate.boot_offset_ms = 86'400'001;
        gate.restart().start();
        CHECK_FALSE(gate.fresh());
        CHECK(gate.feed().contact()->expires_at_ms() != 0);
        CHECK(mdm.polls(3)[2] == "/api/gateway/v1/devices?since=c1&wait=0");
        mdm.answer(204);
        CHECK(eventually([&] { return gate.fresh(); }));
    }
    SUBCASE("a contact in the future is not believed") {
        gate.boot_offset_ms = -86'400'000;
        gate.restart();
        CHECK(gate.feed().table() == nullptr);
        CHECK(gate.feed().contact()->expires_at_ms() == 0);
    }
    SUBCASE("a damaged file is not used, and is replaced by the next contact") {
        fs::resize_file(gate.state_file(), 100);
        gate.restart();
        CHECK(gate.feed().table() == nullptr);
        mdm.answer(200, document("c2", true, {device("B", "allow")}));
        gate.start();
        (void)gate.update(1);
        gate.restart();
        CHECK(gate.state_of("B") == "allow");
    }
}

TEST_CASE("a lifetime of a second: polls come in time, and without them the states end") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    gate.settings().mdm.state_lifetime = 1s;
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    mdm.answer(204);
    mdm.answer(204);
    gate.start();
    const auto polls = mdm.polls(4);
    CHECK(polls[3] == "/api/gateway/v1/devices?since=c1&wait=0");
    CHECK(eventually([&] { return !gate.fresh(); }));
    CHECK(gate.feed().contact()->expires_at_ms() != 0);
    mdm.answer(204);
    CHECK(eventually([&] { return gate.fresh(); }));
}

TEST_CASE("a disk that refuses doesn't stop the feed") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    gate.settings().mdm.state_file = "/proc/easgate/devices.state";
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    mdm.answer(200, document("c2", false, {device("A", "deny")}));
    gate.start();
    (void)gate.update(2);
    CHECK(gate.state_of("A") == "deny");
    CHECK(gate.fresh());
}

TEST_CASE("a replaced table is freed by the feed, once nobody holds it") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    (void)gate.update(1);
    auto held = gate.feed().table();
    const std::weak_ptr<const device::DeviceTable> watched = held;
    mdm.answer(200, document("c2", true, {device("B", "allow")}));
    (void)gate.update(2);
    gate.forget_updates();
    // Ours and the one on the feed's list of what it replaced.
    CHECK(eventually([&] { return held.use_count() == 2; }));
    held.reset();
    CHECK(eventually([&] { return watched.expired(); }));
}

TEST_CASE("a file that was cut is noticed also while the clock stands behind") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    (void)mdm.polls(2);
    gate.feed().stop();
    const auto before = fs::file_size(gate.state_file());
    gate.wall_offset_ms = -3'600'000;
    gate.start();
    mdm.answer(200, document("c2", false, {device("A", "deny")}));
    (void)mdm.polls(4);
    gate.feed().stop();
    REQUIRE(fs::file_size(gate.state_file()) > before);
    gate.restart();
    CHECK(gate.state_of("A") == "deny");
    fs::resize_file(gate.state_file(), before);
    gate.restart();
    CHECK(gate.feed().table() == nullptr);
}

}  // namespace eg::gate
