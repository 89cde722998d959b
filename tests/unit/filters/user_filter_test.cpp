#include "filters/user_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"
#include "tests/support/messages_ntlm.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::basic;
using test::post;
using test::Request;

namespace {

struct Case {
    std::string user{};           // the User parameter
    std::string authorization{};  // "" = none
    std::string connection_name{};
    bool connection_unreadable = false;
    std::vector<std::string> certificate_names{};
    std::vector<std::string> domains{};
};

Reason judge_case(const Case& c, const std::string& device = "OWNED") {
    const auto table = test::table_of({
        {.id = "OWNED",
         .users = {"alice", "CORP\\bob"},
         .state = State::allow,
         .reason = "",
         .keys = {}},
        {.id = "FREE", .users = {}, .state = State::allow, .reason = "", .keys = {}},
    });
    const std::string query = "Cmd=Sync&DeviceId=" + device + "&User=" + c.user;
    const Request request(
        c.authorization.empty() ? post(query) : post(query, {{"Authorization", c.authorization}}));
    const Rules rules{.user_agents = {}, .user_domains = c.domains};
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    around.connection_name = c.connection_name;
    around.connection_unreadable = c.connection_unreadable;
    around.certificate_names = &c.certificate_names;
    const Judgement judgement = judge_request(request.head(), around);
    CHECK((judgement.verdict.allowed() || judgement.verdict.filter == std::string_view("user")));
    return judgement.verdict.reason;
}

}  // namespace

TEST_CASE("a request that claims no name passes") {
    CHECK(judge_case({}) == Reason::none);
}

TEST_CASE("every name that is claimed must be listed") {
    CHECK(judge_case({.user = "alice"}) == Reason::none);
    CHECK(judge_case({.user = "eve"}) == Reason::user);
    CHECK(judge_case({.authorization = basic("alice:x")}) == Reason::none);
    CHECK(judge_case({.authorization = basic("ALICE@corp.example:x")}) == Reason::none);
    CHECK(judge_case({.authorization = basic("eve:x")}) == Reason::user);
    CHECK(judge_case({.authorization = basic(":x")}) == Reason::user);
    CHECK(judge_case({.user = "alice", .authorization = basic("eve:x")}) == Reason::user);
    CHECK(judge_case({.user = "eve", .authorization = basic("alice:x")}) == Reason::user);
    CHECK(judge_case({.user = "alice", .authorization = basic("CORP\\bob:x")}) == Reason::none);
    CHECK(judge_case({.authorization = basic("bob:x")}) == Reason::user);  // listed with its domain
    CHECK(judge_case({.authorization = test::bearer(R"({"upn":"alice"})")}) == Reason::none);
    CHECK(judge_case({.authorization = test::bearer(R"({"upn":"alice","unique_name":"eve"})")}) ==
          Reason::user);
}

TEST_CASE("domains that a bare name may be in") {
    CHECK(judge_case({.user = "CORP%5Calice", .domains = {"corp"}}) == Reason::none);
    CHECK(judge_case({.user = "OTHER%5Calice", .domains = {"corp"}}) == Reason::user);
    CHECK(judge_case({.user = "OTHER%5Calice"}) == Reason::none);
}

TEST_CASE("a credential that hides its name is refused") {
    CHECK(judge_case({.authorization = "Bearer opaque"}) == Reason::user_unreadable);
    CHECK(judge_case({.user = "alice", .authorization = "Bearer opaque"}) ==
          Reason::user_unreadable);
    CHECK(judge_case({.authorization = "Negotiate YIIFzg=="}) == Reason::user_unreadable);
    CHECK(judge_case({.authorization = "Digest username=\"alice\""}) == Reason::user_unreadable);
    CHECK(judge_case({.connection_unreadable = true}) == Reason::user_unreadable);
}

TEST_CASE("the connection and the client certificate claim names too") {
    CHECK(judge_case({.connection_name = "CORP\\alice"}) == Reason::none);
    CHECK(judge_case({.connection_name = "CORP\\eve"}) == Reason::user);
    CHECK(judge_case({.user = "alice", .connection_name = "eve"}) == Reason::user);
    CHECK(judge_case({.certificate_names = {"alice@corp.example"}}) == Reason::none);
    CHECK(judge_case({.certificate_names = {"alice@corp.example", "eve@corp.example"}}) ==
          Reason::user);
    CHECK(judge_case({.user = "alice", .certificate_names = {"eve@corp.example"}}) == Reason::user);
    const std::string type1 = base64_encode(test::ntlm_type1());
    CHECK(judge_case({.authorization = "NTLM " + type1}) == Reason::none);
    const std::string eve = base64_encode(test::ntlm_type3({.domain = u"CORP", .user = u"eve"}));
    CHECK(judge_case({.authorization = "NTLM " + eve}) == Reason::user);
}

TEST_CASE("a device that names nobody may be used by anybody") {
    CHECK(judge_case({.user = "eve", .authorization = basic("mallory:x")}, "FREE") == Reason::none);
    CHECK(judge_case({.authorization = "Bearer opaque", .connection_unreadable = true}, "FREE") ==
          Reason::none);
}
