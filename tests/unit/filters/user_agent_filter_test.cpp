#include "filters/user_agent_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::post;
using test::Request;

namespace {

enum class List : std::uint8_t { none, apple, any };

Judgement judge_with(List list, test::FieldList fields, std::string_view learned = {},
                     std::string_view query = "Cmd=Sync&DeviceId=A1") {
    static const auto table = test::table_of(
        {{.id = "A1", .users = {}, .state = State::allow, .reason = "", .keys = {}}});
    Rules rules;
    if (list != List::none) {
        rules.user_agents = {list == List::apple ? "apple-*" : "*"};
    }
    const Request request(post(query, fields));
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    around.learned_user_agent = [learned](std::string_view id) {
        return id == "A1" ? learned : std::string_view();
    };
    Judgement judgement = judge_request(request.head(), around);
    judgement.user_agent = {};  // it pointed into the request
    return judgement;
}

struct TypeRow {
    const char* method;
    const char* query;
    bool user_agent;
    Reason expected;
};

Reason judge_type(const TypeRow& row, bool agents_listed) {
    static const auto table = test::table_of(
        {{.id = "A1", .users = {}, .state = State::allow, .reason = "", .keys = {}}});
    Rules rules;
    rules.device_types = {"iphone", "wp*"};
    if (agents_listed) {
        rules.user_agents = {"apple-*"};
    }
    std::string target = "/Microsoft-Server-ActiveSync";
    target += row.query;
    const Request request(row.user_agent
                              ? test::request_text(row.method, target, {{"User-Agent", "Apple-x"}})
                              : test::request_text(row.method, target));
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    return judge_request(request.head(), around).verdict.reason;
}

Reason reason(List list, test::FieldList fields, std::string_view learned = {}) {
    return judge_with(list, fields, learned).verdict.reason;
}

}  // namespace

TEST_CASE("a list permits what matches one of its patterns") {
    CHECK(reason(List::apple, {{"User-Agent", "Apple-iPhone13C2/1904.50"}}) == Reason::none);
    CHECK(reason(List::apple, {{"User-Agent", "Android/13"}}) == Reason::user_agent);
    CHECK(reason(List::any, {{"User-Agent", "Android/13"}}) == Reason::none);
    CHECK(reason(List::none, {{"User-Agent", "Android/13"}}) == Reason::none);
}

TEST_CASE("an absent user agent is judged by the one that was learned") {
    CHECK(reason(List::apple, {}, "Apple-iPhone") == Reason::none);
    CHECK(reason(List::apple, {}, "Android/13") == Reason::user_agent);
    CHECK(reason(List::apple, {}) == Reason::user_agent);
    CHECK(reason(List::any, {}) == Reason::user_agent);
    CHECK(reason(List::none, {}) == Reason::none);
    // What the request says itself counts.
    CHECK(reason(List::apple, {{"User-Agent", "Android/13"}}, "Apple-iPhone") ==
          Reason::user_agent);
}

TEST_CASE("an empty user agent is refused where a list is set") {
    CHECK(reason(List::apple, {{"User-Agent", ""}}, "Apple-iPhone") == Reason::user_agent);
    CHECK(reason(List::any, {{"User-Agent", ""}}) == Reason::user_agent);
    CHECK(reason(List::none, {{"User-Agent", ""}}) == Reason::none);
}

TEST_CASE("several user agents are two readings") {
    const Judgement judgement =
        judge_with(List::none, {{"User-Agent", "Apple-x"}, {"User-Agent", "Apple-x"}});
    CHECK(judgement.verdict.reason == Reason::bad_request);
}

TEST_CASE("a list of device types permits what matches one of its patterns") {
    const TypeRow rows[] = {
        {"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=iPhone", true, Reason::none},
        {"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=WP8", true, Reason::none},
        {"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=iPhones", true, Reason::device_type},
        {"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=Android", true, Reason::device_type},
        {"POST", "?Cmd=Sync&DeviceId=A1", true, Reason::device_type},
        // The base64 form: version 12.1, Sync, device A1, no policy key, type `WP8` or `Foo`.
        {"POST", "?eQAHBAJBMQADV1A4", true, Reason::none},
        {"POST", "?eQAHBAJBMQADRm9v", true, Reason::device_type},
        {"OPTIONS", "", true, Reason::none},
        {"OPTIONS", "?DeviceId=A1&DeviceType=Android", true, Reason::device_type},
    };
    for (const TypeRow& row : rows) {
        CAPTURE(row.query);
        CHECK(judge_type(row, false) == row.expected);
        CHECK(judge_type(row, true) == row.expected);
    }
}

TEST_CASE("a client without a user agent is judged by its device type") {
    CHECK(judge_type({"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=WP8", false, {}}, true) ==
          Reason::none);
    CHECK(judge_type({"POST", "?Cmd=Sync&DeviceId=A1&DeviceType=Android", false, {}}, true) ==
          Reason::user_agent);
    CHECK(judge_type({"POST", "?Cmd=Sync&DeviceId=A1", false, {}}, true) == Reason::user_agent);
    CHECK(judge_type({"OPTIONS", "", false, {}}, true) == Reason::user_agent);
}
