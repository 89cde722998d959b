#include "filters/secure_email_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using test::post;
using test::Request;

namespace {

Reason judge_with(bool only_secure_email, test::FieldList fields, const Rules& rules = {}) {
    const auto table = test::table_of(
        {{.id = "A1", .users = {}, .state = device::State::allow, .reason = "", .keys = {}}},
        {.only_secure_email = only_secure_email});
    const Request request(post("Cmd=Sync&DeviceId=A1", fields));
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    return judge_request(request.head(), around).verdict.reason;
}

}  // namespace

TEST_CASE("the feed may permit the secure e-mail app only") {
    CHECK(judge_with(true, {{"User-Agent", "EasGate-Secure-Mail/1.0"}}) == Reason::none);
    CHECK(judge_with(true, {{"User-Agent", "Apple-iPhone"}}) == Reason::only_secure_email);
    CHECK(judge_with(true, {{"User-Agent", ""}}) == Reason::only_secure_email);
    CHECK(judge_with(true, {}) == Reason::only_secure_email);
    CHECK(judge_with(false, {{"User-Agent", "Apple-iPhone"}}) == Reason::none);
    CHECK(judge_with(false, {}) == Reason::none);
}

TEST_CASE("which app that is stands in the configuration") {
    Rules rules;
    rules.secure_email = {"*securepim*", "*"};
    CHECK(judge_with(true, {{"User-Agent", "SecurePIM/8"}}, rules) == Reason::none);
    CHECK(judge_with(true, {{"User-Agent", ""}}, rules) == Reason::only_secure_email);
    rules.secure_email = {"*securepim*"};
    CHECK(judge_with(true, {{"User-Agent", "easgate-secure-mail/1"}}, rules) ==
          Reason::only_secure_email);
    rules.secure_email = {};
    CHECK(judge_with(true, {{"User-Agent", "SecurePIM/8"}}, rules) == Reason::only_secure_email);
}
