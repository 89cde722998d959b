#include "proxy/gate/device_feed.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/unit/gate/fake_mdm.h"
#include "tests/unit/gate/feed_rig.h"

namespace eg::gate {

using namespace std::chrono_literals;

TEST_CASE("everything, then changes, then nothing new") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c 1", true, {device("A", "allow"), device("B", "allow")}));
    DeviceFeed& feed = gate.start();
    const StatesUpdate first = gate.update(1);
    CHECK(first.everything);
    CHECK(gate.state_of("a") == "allow");
    mdm.answer(200, document("c2", false, {device("B", "deny")}));
    const StatesUpdate second = gate.update(2);
    CHECK_FALSE(second.everything);
    CHECK(second.changed == std::vector<std::uint64_t>{device::DeviceTable::hash_id("b")});
    CHECK(gate.state_of("B") == "deny");
    mdm.answer(204);
    const auto polls = mdm.polls(4);
    CHECK(polls[0] == "/api/gateway/v1/devices?wait=0");
    CHECK(polls[1] == "/api/gateway/v1/devices?since=c%201&wait=55");
    CHECK(polls[2] == "/api/gateway/v1/devices?since=c2&wait=55");
    CHECK(gate.fresh());
    const FeedStatus status = feed.status();
    CHECK(status.has_states);
    CHECK(status.attempts_ok == 3);
    CHECK(status.attempts_failed == 0);
    CHECK(status.full_syncs == 1);
    CHECK(status.devices == 2);
    CHECK(status.server == mdm.url());
    CHECK(status.age < 10s);
}

TEST_CASE("a cursor that is too old: everything again, and the old states until then") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    mdm.answer(410);
    const auto polls = mdm.polls(3);
    CHECK(polls[2] == "/api/gateway/v1/devices?wait=0");
    CHECK(gate.state_of("A") == "allow");
    mdm.answer(200, document("c9", true, {device("B", "allow")}));
    (void)gate.update(2);
    CHECK(gate.state_of("A") == "-");
    CHECK(gate.state_of("B") == "allow");
    CHECK(mdm.polls(4)[3] == "/api/gateway/v1/devices?since=c9&wait=55");
}

TEST_CASE("an answer that isn't whole is no contact and changes nothing") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)gate.update(1);
    REQUIRE(eventually([&] { return feed.status().attempts_ok == 1; }));
    std::string short_one = document("c2", false, {device("A", "deny"), device("B", "deny")});
    short_one.resize(short_one.find("{\"id\":\"B"));
    mdm.answer(200, short_one);
    mdm.answer(200, "nonsense");
    mdm.answer(500, "no");
    mdm.answer(401);
    mdm.answer(302);
    mdm.answer(FakeMdm::kTorn);
    CHECK(eventually([&] { return feed.status().attempts_failed == 6; }));
    CHECK(gate.state_of("A") == "allow");
    CHECK(feed.status().attempts_ok == 1);
    CHECK_FALSE(feed.status().last_error.empty());
    mdm.answer(204);
    CHECK(eventually([&] { return feed.status().last_error.empty(); }));
}

TEST_CASE("changes where everything was asked for are refused") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", false, {device("A", "allow")}));
    mdm.answer(204);
    DeviceFeed& feed = gate.start();
    CHECK(eventually([&] { return feed.status().attempts_failed == 2; }));
    CHECK(feed.table() == nullptr);
    CHECK(feed.contact()->expires_at_ms() == 0);
}

TEST_CASE("URLs are tried in turn") {
    FakeMdm mdm;
    Gate gate({"http://127.0.0.1:1", mdm.url()});
    mdm.answer(200, document("c1", true, {}));
    DeviceFeed& feed = gate.start();
    (void)gate.update(1);
    CHECK(eventually([&] { return feed.status().server == mdm.url(); }));
    CHECK(feed.status().attempts_failed == 1);
}

TEST_CASE("stop ends a long poll at once, a reload too") {
    FakeMdm mdm;
    FakeMdm other;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)mdm.polls(2);
    gate.settings().mdm.urls = {other.url()};
    gate.settings().mdm.state_lifetime = 60s;
    feed.change(gate.settings());
    CHECK(other.polls(1)[0] == "/api/gateway/v1/devices?wait=0");  // it doesn't know our cursor
    const auto start = std::chrono::steady_clock::now();
    feed.stop();
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    CHECK(gate.fresh());
}

TEST_CASE("what was seen is reported, beside the poll that is held") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)mdm.polls(2);
    mdm.set_report_status(500);
    device::SightingTable seen;
    for (int i = 0; i < 3; ++i) {
        seen.note({"A", "alice", "Agent", "iPhone", "16.1", "", std::chrono::system_clock::now()});
    }
    feed.observe(seen);
    (void)mdm.reports(1);
    mdm.set_report_status(202);
    const std::string report = mdm.reports(2)[1];
    CHECK(report.find(R"("id":"A")") != std::string::npos);
    CHECK(report.find(R"("requests":3)") != std::string::npos);
    CHECK(report.ends_with(R"("devices":1})"
                           "\n"));
    CHECK(eventually([&] { return feed.status().observations_sent == 1; }));
}

/// EASGATE_TEST_DEVICES=1000000 measures what the product promises: the changes of a list, and
/// those that come right behind it, are in force within a second of their last byte.
TEST_CASE("no change waits for a large list to be built") {
    const char* wanted = std::getenv("EASGATE_TEST_DEVICES");
    const std::size_t devices = wanted == nullptr ? 20'000 : std::strtoul(wanted, nullptr, 10);
    const auto everything = [devices](std::string_view cursor, std::string_view state) {
        std::string text = fmt::format(R"({{"cursor":"{}","full":true,"count":{}}})"
                                       "\n",
                                       cursor, devices + 1);
        for (std::size_t i = 0; i < devices; ++i) {
            text += fmt::format(
                R"({{"id":"{:032X}","users":["user{}","CORP\\user{}"],"state":"allow"}})"
                "\n",
                i * 0x9E3779B97F4A7C15ULL, i, i);
        }
        return text + device("HELD", state);
    };
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, everything("c1", "allow"));
    gate.start();
    (void)gate.update(1, 600s);
    mdm.answer(410);
    mdm.answer(200, everything("c2", "deny"));
    mdm.answer(200, document("c3", false, {device("LATER", "deny")}));
    const auto list = gate.update_at(2, 600s);
    CHECK(gate.update(2).table->find("HELD")->state() == device::State::deny);
    const auto list_sent = mdm.answered_at(2);
    const auto change = gate.update_at(3);
    const auto ms = [](auto span) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    };
    MESSAGE(devices << " devices: in force " << ms(list - list_sent)
                    << " ms after the last byte, a change behind them " << ms(change - list_sent)
                    << " ms after it");
    if (wanted != nullptr) {  // else it tells more about the neighbours on the machine
        CHECK(list - list_sent < 1s);
        CHECK(change - list_sent < 1s);
    }
}

}  // namespace eg::gate
