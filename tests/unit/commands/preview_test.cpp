#include "proxy/commands/preview.h"

#include <doctest/doctest.h>

#include "proxy/log/access.h"

using namespace eg;
using commands::CutOff;
using commands::Preview;
using commands::read_access_line;

namespace {

std::string written(log::Format format, std::string_view user, std::string_view agent,
                    std::string_view reason, bool allowed = true) {
    std::string out;
    log::append_access_line(out,
                            {.begin = WallTime(std::chrono::seconds(1'000'000)),
                             .instance = "hq",
                             .request_id = "0123456789abcdef",
                             .client = *IpAddress::parse("192.0.2.1"),
                             .user = user,
                             .device_id = "PHONE 1",
                             .device_type = "Phone",
                             .command = "Sync",
                             .protocol = "14.1",
                             .user_agent = agent,
                             .allowed = allowed,
                             .reason = reason,
                             .status = 200},
                            "node", format);
    out.pop_back();  // the line end
    return out;
}

void add(Preview& preview, std::string_view user, std::string_view agent, std::string_view reason,
         bool allowed = true) {
    const auto line = read_access_line(written(log::Format::text, user, agent, reason, allowed));
    REQUIRE(line.has_value());
    preview.add(*line);
}

}  // namespace

TEST_CASE("an access line reads back the same from text and JSON") {
    for (const auto format : {log::Format::text, log::Format::json}) {
        const auto line = read_access_line(
            written(format, "CORP\\alice", "Agent \"x\" 1 allow none", "device_unknown"));
        REQUIRE(line.has_value());
        CHECK(line->instance == "hq");
        CHECK(line->user == "CORP\\x5Calice");
        CHECK(line->device_id == "PHONE\\x201");
        CHECK(line->verdict == "allow");
        CHECK(line->reason == "device_unknown");
        CHECK(line->time.starts_with("19"));
    }
    CHECK(read_access_line(written(log::Format::text, "", "", ""))->user == "-");
    CHECK(read_access_line(written(log::Format::json, "", "", ""))->user == "-");
}

TEST_CASE("other lines are none") {
    const std::string good = written(log::Format::text, "alice", "a b", "none");
    for (const std::string& bad :
         {std::string(), std::string("x"), good + " more", good.substr(0, good.size() / 2),
          good.substr(0, good.rfind(' ')), std::string("{"), std::string("{}"),
          std::string(R"({"kind":"access"})"), std::string(R"({"kind":"event","time":"x"})"),
          std::string("2026 warning node area allow"), std::string(70'000, 'a')}) {
        CAPTURE(bad);
        CHECK_FALSE(read_access_line(bad).has_value());
    }
}

TEST_CASE("the last request of a user with a device and a user agent counts") {
    Preview preview;
    add(preview, "alice", "A", "device_unknown");
    add(preview, "alice", "A", "device_unknown");
    add(preview, "bob", "A", "device_unknown");
    add(preview, "bob", "A", "none");                    // put right since
    add(preview, "carol", "good", "none");               // fine with one program,
    add(preview, "carol", "bad", "user_agent");          // not with another,
    add(preview, "carol", "worse", "user_agent");        // nor with a third
    add(preview, "dave", "A", "device_unknown", false);  // refused, so not let through
    add(preview, "erin", "A", "upstream_silent");        // no reason of ours
    const auto rows = preview.list();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].user == "alice");
    CHECK(rows[0].reason == "device_unknown");
    CHECK(rows[0].requests == 2);
    CHECK(rows[1].user == "carol");
    CHECK(rows[1].requests == 2);
}

TEST_CASE("memory is bounded, and what is missing is counted") {
    Preview preview(2);
    for (const char* user : {"a", "b", "c", "d"}) {
        add(preview, user, "A", "user");
    }
    CHECK(preview.list().size() == 2);
    CHECK(preview.left_out() == 2);
}

TEST_CASE("a line of the running node counts as many requests as it says") {
    Preview preview;
    const auto line = read_access_line(
        R"({"time":"2026-11-22T05:00:00.123+01:00","kind":"access","instance":"hq","user":"alice",)"
        R"("device_id":"A","user_agent":"x","verdict":"allow","reason":"device_unknown","requests":7})");
    REQUIRE(line.has_value());
    preview.add(*line);
    preview.leave_out(3);
    REQUIRE(preview.list().size() == 1);
    CHECK(preview.list()[0].requests == 7);
    CHECK(preview.left_out() == 3);
}
