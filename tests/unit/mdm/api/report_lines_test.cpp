#include "mdm/api/report_lines.h"

#include <string>

#include <doctest/doctest.h>

using namespace eg::mdm;

namespace {

constexpr std::int64_t kNow = 1'800'000'000;

}  // namespace

TEST_CASE("times of RFC 3339") {
    CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_time("2026-11-22T05:04:53Z") == 1795323893);
    CHECK(parse_time("2026-11-22T05:04:53.123Z") == 1795323893);
    CHECK(parse_time("2026-11-22t06:04:53+01:00") == 1795323893);
    CHECK(parse_time("2026-11-21T23:34:53-05:30") == 1795323893);
    for (const char* odd :
         {"", "now", "2026-11-22", "2026-11-22T05:04:53", "2026-11-22 05:04:53Z",
          "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
          "2026-11-22T05:04:53.Z", "2026-11-22T05:04:53Zx", "2026-11-22T05:04:53+1:00",
          "2026-11-22T05:04:53+24:00", "20261122T050453Z"}) {
        CAPTURE(odd);
        CHECK_FALSE(parse_time(odd));
    }
}

TEST_CASE("a device line") {
    const auto parsed = parse_report(
        R"({"id":"ApplDN6","user":"CORP\\alice","user_agent":"Apple-iPhone","device_type":"iPhone",)"
        R"("protocol":"16.1","first_seen":"2026-11-22T05:04:53Z","last_seen":1795323900,"requests":7,)"
        R"("refused":2,"reason":"device_denied","later":[1]})"
        "\n",
        kNow);
    CHECK(parsed.bad_lines == 0);
    REQUIRE(parsed.report.observations.size() == 1);
    const Observation& one = parsed.report.observations[0];
    CHECK(one.id == "ApplDN6");
    CHECK(one.user == "CORP\\alice");
    CHECK(one.user_agent == "Apple-iPhone");
    CHECK(one.device_type == "iPhone");
    CHECK(one.protocol == "16.1");
    CHECK(one.reason == "device_denied");
    CHECK(one.first_seen == 1795323893);
    CHECK(one.last_seen == 1795323900);
    CHECK(one.requests == 7);
    CHECK(one.refused == 2);
}

TEST_CASE("odd values are made harmless") {
    const auto parsed = parse_report(
        R"({"id":"A1","user":7,"first_seen":"never","last_seen":99999999999,"requests":-5,"refused":"x"})",
        kNow);
    REQUIRE(parsed.report.observations.size() == 1);
    const Observation& one = parsed.report.observations[0];
    CHECK(one.user.empty());
    CHECK(one.first_seen == kNow);
    CHECK(one.last_seen == kNow);
    CHECK(one.requests == 0);
    CHECK(one.refused == 0);
    const auto long_text =
        parse_report(R"({"id":"A1","user":")" + std::string(511, 'a') + "ä\"}", kNow);
    CHECK(long_text.report.observations[0].user == std::string(511, 'a'));
}

TEST_CASE("the facts of a node") {
    const auto parsed = parse_report(R"({"node":"gate-1","version":"0.1.0","uptime":5})", kNow);
    REQUIRE(parsed.report.nodes.size() == 1);
    CHECK(parsed.report.nodes[0].name == "gate-1");
    CHECK(parsed.report.nodes[0].version == "0.1.0");
    CHECK(parsed.report.nodes[0].last_report == kNow);
}

TEST_CASE("bad lines are skipped and counted, the others taken") {
    const std::string body =
        "{\"id\":\"A1\"}\r\n\nnonsense\n[1]\n{}\n{\"id\":\"\"}\n{\"id\":\"\xff\"}\n{\"id\":\"A2\"" +
        std::string(kMostLineBytes, ' ') + "}\n{\"id\":\"A3\"}";
    const auto parsed = parse_report(body, kNow);
    REQUIRE(parsed.report.observations.size() == 2);
    CHECK(parsed.report.observations[1].id == "A3");
    CHECK(parsed.bad_lines == 6);
    CHECK(parse_report("", kNow).bad_lines == 0);
}
