#include "filters/device_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::post;
using test::Request;

namespace {

const std::string kBinary("\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFF", 16);

/// The reason of the device filter for a request, with a table of one device in each state.
Reason judge_text(const std::string& text) {
    const auto table = test::table_of({
        {.id = "ALLOWED1", .users = {}, .state = State::allow, .reason = "", .keys = {}},
        {.id = "DENIED01", .users = {}, .state = State::deny, .reason = "", .keys = {}},
        {.id = "NONCOMP1", .users = {}, .state = State::non_compliant, .reason = "", .keys = {}},
        {.id = "WIPED001", .users = {}, .state = State::wipe, .reason = "", .keys = {}},
        {.id = to_hex(kBinary), .users = {}, .state = State::allow, .reason = "", .keys = {}},
        {.id = to_hex("TextAsHex"), .users = {}, .state = State::allow, .reason = "", .keys = {}},
    });
    const Request request(text);
    const Rules rules;
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    for (const TraceLine& line : explain_request(request.head(), around).lines) {
        if (line.filter == std::string_view("device")) {
            return line.reason;
        }
    }
    FAIL("the request could not be read");
    return Reason::none;
}

Reason judge_id(const std::string& id) {
    return judge_text(post("Cmd=Sync&DeviceId=" + id));
}

std::string options(std::string_view query) {
    return test::request_text("OPTIONS", "/Microsoft-Server-ActiveSync" + std::string(query));
}

}  // namespace

TEST_CASE("the state of a device decides") {
    CHECK(judge_id("ALLOWED1") == Reason::none);
    CHECK(judge_id("allowed1") == Reason::none);
    CHECK(judge_id("DENIED01") == Reason::device_denied);
    CHECK(judge_id("NONCOMP1") == Reason::device_non_compliant);
    CHECK(judge_id("WIPED001") == Reason::device_wipe);
    CHECK(judge_id("STRANGER") == Reason::device_unknown);
    CHECK(judge_id("ALLOWED1%20") == Reason::device_unknown);
}

TEST_CASE("an id has several spellings") {
    const std::string digits = to_hex(kBinary);
    CHECK(judge_text(post("jQAJBBD77777777777777777777/BP////8BeA==")) == Reason::none);
    CHECK(judge_id(digits) == Reason::none);
    CHECK(judge_id(lower(digits)) == Reason::none);
    CHECK(judge_id("texTasHex") ==
          Reason::device_unknown);  // the listed digits are of another case
    CHECK(judge_id("TextAsHex") == Reason::none);
    CHECK(judge_id(to_hex("ALLOWED1")) == Reason::device_unknown);  // hex is never decoded to text
}

TEST_CASE("a command needs a device, OPTIONS doesn't") {
    CHECK(judge_text(post("Cmd=Sync&User=alice")) == Reason::no_device);
    CHECK(judge_text(post("")) == Reason::no_device);
    CHECK(judge_text(post("Cmd=Sync&DeviceId=&x=y")) == Reason::no_device);
    CHECK(judge_text(options("")) == Reason::none);
    CHECK(judge_text(options("?User=alice")) == Reason::none);
    CHECK(judge_text(options("?DeviceId=DENIED01&x=y")) == Reason::device_denied);
    CHECK(judge_text(options("?DeviceId=STRANGER&x=y")) == Reason::device_unknown);
}

TEST_CASE("without facts about ActiveSync it has no objection") {
    CHECK(judge_text(test::request_text("POST", "/owa")) == Reason::none);
    CHECK(judge_text(test::request_text("GET", "/Microsoft-Server-ActiveSync")) == Reason::none);
}
