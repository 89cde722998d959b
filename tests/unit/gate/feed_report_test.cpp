#include "proxy/gate/feed_report.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/feed_pace.h"

namespace eg::gate {

namespace {

using namespace std::chrono_literals;

const MonotonicTime kStart{1000s};
const WallTime kWall{std::chrono::seconds(1'800'000'000)};

device::Seen sighted(std::string_view id, WallTime at = kWall) {
    device::Seen seen;
    seen.id = id;
    seen.user = "alice";
    seen.at = at;
    return seen;
}

bool observe(FeedReport& report, std::initializer_list<device::Seen> all, MonotonicTime now) {
    device::SightingTable table;
    for (const device::Seen& one : all) {
        table.note(one);
        table.note(one);
    }
    const bool due = report.observe(table, now);
    CHECK(table.empty());
    return due;
}

std::string line(const device::Seen& seen, int times = 1) {
    device::SightingTable table;
    for (int i = 0; i < times; ++i) {
        table.note(seen);
    }
    const device::Sightings all = table.take();
    std::string text;
    append_sighting(text, all.list.at(0), all.of(all.list[0]));
    return text;
}

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a line of a report") {
    device::Seen seen = sighted("ApplDN6", kWall + 7ms);
    seen.user_agent = "Apple \"quoted\"\n";
    seen.device_type = "\xE9t\xE9";
    seen.reason = "device_unknown";
    CHECK(
        line(seen, 2) ==
        R"({"id":"ApplDN6","user":"alice","user_agent":"Apple \"quoted\"\u000A","device_type":"\u00E9t\u00E9",)"
        R"("protocol":"","first_seen":"2027-01-15T08:00:00.007Z","last_seen":"2027-01-15T08:00:00.007Z",)"
        R"("requests":2,"refused":2,"reason":"device_unknown"})"
        "\n");
    CHECK(line(sighted(std::string_view("\x00\xFF", 2))).starts_with(R"({"id":"00FF",)"));
    std::string facts;
    append_facts(facts, {"n", "i", 7});
    CHECK(facts ==
          "{\"node\":\"n\",\"instance\":\"i\",\"version\":\"0.1.0\","
          "\"devices\":7}\n");
}

TEST_CASE("reports leave soon after the first sighting, and never closer than the interval") {
    FeedReport report({.interval = 30s, .gather = 5s, .keep = 1h});
    CHECK_FALSE(report.due());
    CHECK_FALSE(observe(report, {}, kStart));
    CHECK(observe(report, {sighted("a")}, kStart));
    CHECK_FALSE(observe(report, {sighted("b")}, kStart + 2s));
    CHECK(report.due() == kStart + 5s);
    CHECK(lines(report.begin({}, kStart + 5s, kWall)) == 3);
    CHECK_FALSE(report.due());
    CHECK(observe(report, {sighted("c")}, kStart + 6s));
    report.ended(true);
    CHECK(report.sent() == 2);
    CHECK(report.due() == kStart + 35s);
}

TEST_CASE("a failed report goes out again with the next one, one line a device, for an hour") {
    FeedReport report({.interval = 30s, .gather = 5s, .keep = 1h});
    observe(report, {sighted("a"), sighted("old")}, kStart);
    (void)report.begin({}, kStart, kWall);
    observe(report, {sighted("A", kWall + 10s)}, kStart + 10s);
    report.ended(false);
    CHECK(report.sent() == 0);
    CHECK(report.due() == kStart + 30s);
    const std::string again = report.begin({}, kStart + 30s, kWall + 30s);
    CHECK(lines(again) == 3);
    CHECK(again.find(R"("requests":4)") != std::string::npos);
    report.ended(false);
    CHECK(report.due() == kStart + 60s);
    CHECK(lines(report.begin({}, kStart + 3605s, kWall + 3605s)) == 2);
    CHECK(report.dropped() == 1);
    report.ended(true);
    CHECK(report.sent() == 1);
    CHECK_FALSE(report.due());
}

TEST_CASE("while nobody gathers, what is too much stays with who saw it") {
    FeedReport report({.interval = 30s, .gather = 5s, .keep = 1h});
    const auto full_table = [] {
        device::SightingTable table;
        for (int i = 0; i < 20'000; ++i) {
            table.note(sighted(fmt::format("a{}", i)));
        }
        return table;
    };
    for (int i = 0; i < 5; ++i) {
        device::SightingTable taken = full_table();
        CHECK(report.observe(taken, kStart) == (i == 0));
        CHECK(taken.empty());
    }
    device::SightingTable kept = full_table();
    CHECK_FALSE(report.observe(kept, kStart));
    CHECK(kept.size() == 20'000);
    report.gather();
    CHECK_FALSE(report.observe(kept, kStart));
    CHECK(kept.empty());
    const std::string body = report.begin({}, kStart, kWall);
    CHECK(lines(body) == 20'001);
    CHECK(body.find(R"("requests":6,)") != std::string::npos);
    CHECK(report.dropped() == 0);
    CHECK_FALSE(report.due());
}

TEST_CASE("a report takes the sightings of a list whose memory came back") {
    FeedReport report({.interval = 30s, .gather = 5s, .keep = 1h});
    device::SightingTable table;
    for (int i = 0; i < 40; ++i) {
        table.note(sighted(fmt::format("a{}", i % 4)));
        CHECK(report.observe(table, kStart) == (i == 0));
        if (i % 3 == 0) {
            report.gather();
        }
    }
    CHECK(lines(report.begin({}, kStart, kWall)) == 5);
}

TEST_CASE("how long a poll is held") {
    CHECK(poll_wait(24h) == 55s);
    CHECK(poll_wait(165s) == 55s);
    CHECK(poll_wait(60s) == 20s);
    CHECK(poll_wait(3s) == 1s);
    CHECK(poll_wait(1s) == 0s);
    CHECK(poll_spacing(24h) == 1s);
    CHECK(poll_spacing(1s) == 333ms);
}

TEST_CASE("back-off doubles from 1 s to 60 s") {
    const auto pause = [](unsigned failures, double dice) {
        return back_off(failures, dice, 1s, 60s);
    };
    CHECK(pause(1, 0.5) == 1s);
    CHECK(pause(2, 0.5) == 2s);
    CHECK(pause(4, 0.5) == 8s);
    CHECK(pause(4, 0.0) == 4s);
    CHECK(pause(4, 1.0) == 12s);
    CHECK(pause(1, 0.0) == 1s);
    CHECK(pause(100, 1.0) == 60s);
    CHECK(pause(4'000'000'000U, 0.0) == 30s);
}

}  // namespace eg::gate
