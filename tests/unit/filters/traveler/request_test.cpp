#include "filters/traveler/request.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using config::TravelerUnidentified;
using device::State;
using test::basic;
using test::Request;

namespace {

std::shared_ptr<const device::DeviceTable> table() {
    static const auto kTable = test::table_of(
        {{.id = "Android_1", .users = {"alice"}, .state = State::allow, .reason = "", .keys = {}},
         {.id = "Android_2", .users = {"bob"}, .state = State::deny, .reason = "", .keys = {}}});
    return kTable;
}

Rules rules_of(TravelerUnidentified unidentified) {
    Rules rules;
    rules.traveler = true;
    rules.traveler_unidentified = unidentified;
    rules.traveler_parameters = {"deviceId", "did"};
    rules.traveler_fields = {"X-DeviceId"};
    return rules;
}

Reason judge(const std::string& text, TravelerUnidentified unidentified, bool knows = true) {
    const Request request(text);
    const Rules rules = rules_of(unidentified);
    Surroundings around;
    around.rules = &rules;
    around.devices = table().get();
    around.age = StateAge::fresh;
    if (knows) {
        around.traveler_devices = [](std::string_view user, std::string_view family) {
            std::vector<std::string> devices;
            if (family == "Lotus Traveler Android") {
                devices.emplace_back(user == "bob" ? "Android_2" : "Android_1");
            }
            return devices;
        };
    }
    return judge_request(request.head(), around).verdict.reason;
}

std::string ask(std::string_view target, test::FieldList fields = {}) {
    return test::request_text("POST", target, fields);
}

}  // namespace

TEST_CASE("where a Traveler request names its device") {
    struct Case {
        std::string text;
        const char* device;  // null: can't be read
    };
    for (const Case& c : {
             Case{ask("/traveler"), ""},
             {ask("/traveler?action=getStatus"), ""},
             {ask("/traveler?deviceId=Android_1"), "Android_1"},
             {ask("/traveler?a=b&DEVICEID=Android%5f1&c"), "Android_1"},
             {ask("/traveler?%64id=X"), "X"},
             {ask("/traveler", {{"x-deviceid", "Y"}}), "Y"},
             {ask("/traveler?did=y", {{"X-DeviceId", "Y"}}), "Y"},
             {ask("/traveler?deviceId="), ""},
             {ask("/traveler?did=x", {{"X-DeviceId", "Y"}}), nullptr},
             {ask("/traveler?did=x&did=x"), nullptr},
             {ask("/traveler?did=x&deviceId=y"), nullptr},
             {ask("/traveler?did=%00"), nullptr},
             {ask("/traveler?did=%zz"), nullptr},
             {ask("/traveler?%zz=1"), nullptr},
             {ask("/traveler?a=b;did=x"), nullptr},
             {ask("/traveler?a?did=x"), nullptr},
             {ask("/traveler", {{"X-DeviceId", "Y"}, {"X-DEVICEID", "Y"}}), nullptr},
             {ask("/traveler?did=" + std::string(257, 'x')), nullptr},
         }) {
        CAPTURE(c.text);
        const Request request(c.text);
        const auto device =
            traveler::device_of(request.head(), rules_of(TravelerUnidentified::forward));
        CHECK(device.has_value() == (c.device != nullptr));
        if (device && c.device != nullptr) {
            CHECK(*device == c.device);
        }
    }
}

TEST_CASE("a device that is named must be permitted, for the user who comes") {
    using enum TravelerUnidentified;
    CHECK(judge(ask("/traveler?did=Android_1"), deny) == Reason::none);
    CHECK(judge(ask("/servlet/traveler/x?did=Android_1"), deny) == Reason::none);
    CHECK(judge(ask("/traveler?did=Android_2"), forward) == Reason::device_denied);
    CHECK(judge(ask("/traveler?did=Android_3"), forward) == Reason::device_unknown);
    CHECK(judge(ask("/traveler?did=Android_1", {{"Authorization", basic("bob:x")}}), forward) ==
          Reason::user);
    CHECK(judge(test::request_text("GET", "/traveler?did=Android_1"), forward) == Reason::none);
    CHECK(judge(test::request_text("PUT", "/traveler?did=Android_1"), forward) == Reason::method);
    CHECK(judge(ask("/traveler/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=Android_2"),
                forward) == Reason::device_denied);
    CHECK(judge(ask("/traveler/Microsoft-Server-ActiveSync?Cmd=Sync"), forward) ==
          Reason::no_device);
    CHECK(judge(ask("/api/traveler"), forward) == Reason::path);
}

TEST_CASE("one that isn't named passes as the option says") {
    using enum TravelerUnidentified;
    const auto from = [](std::string_view user, std::string_view agent) {
        return ask("/traveler",
                   {{"Authorization", basic(std::string(user) + ":x")}, {"User-Agent", agent}});
    };
    constexpr std::string_view kAgent = "Lotus Traveler Android/9.0";
    CHECK(judge(from("alice", kAgent), forward) == Reason::none);
    CHECK(judge(from("alice", kAgent), deny) == Reason::traveler_unidentified);
    CHECK(judge(ask("/traveler"), deny) == Reason::traveler_unidentified);
    CHECK(judge(from("alice", kAgent), learned) == Reason::none);
    CHECK(judge(from("alice", "curl/8"), learned) == Reason::traveler_unidentified);
    CHECK(judge(from("bob", kAgent), learned) == Reason::traveler_unidentified);
    CHECK(judge(from("mallory", kAgent), learned) == Reason::traveler_unidentified);
    CHECK(judge(from("alice", kAgent), learned, false) == Reason::traveler_unidentified);
    CHECK(judge(ask("/traveler", {{"Authorization", "Bearer x"}, {"User-Agent", kAgent}}),
                learned) == Reason::traveler_unidentified);
    // Nobody is signed in: the mail server asks. A cookie may be a sign-in.
    CHECK(judge(ask("/traveler"), learned) == Reason::none);
    CHECK(judge(ask("/traveler", {{"Cookie", "LtpaToken=x"}}), learned) ==
          Reason::traveler_unidentified);
}
