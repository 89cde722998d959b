#include "filters/autodiscover_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "filters/names.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::basic;

namespace {

constexpr const char* kXml = "/autodiscover/autodiscover.xml";
constexpr const char* kJson = "/autodiscover/autodiscover.json";

using Table = std::shared_ptr<const device::DeviceTable>;

Table named() {
    return test::table_of({{"A1", {"alice", "CORP\\alice"}, State::allow, "", {}},
                           {"B1", {"bob"}, State::deny, "", {}}})
        ->with_users(user_key);
}

Table open_to_all() {
    return test::table_of(
               {{"A1", {"alice"}, State::allow, "", {}}, {"ANY", {}, State::allow, "", {}}})
        ->with_users(user_key);
}

struct Asked {
    bool on = true;
    bool answers = false;
    bool observe = false;
    Table table = named();
};

Verdict judge(std::string_view method, std::string_view target, const Asked& asked = {},
              test::FieldList fields = {}) {
    const test::Request request(test::request_text(method, target, fields));
    Rules rules;
    rules.autodiscover = asked.on;
    rules.answers_autodiscover = asked.answers;
    rules.observe = asked.observe;
    Surroundings around;
    around.rules = &rules;
    around.devices = asked.table.get();
    around.age = StateAge::fresh;
    return judge_request(request.head(), around).verdict;
}

std::string_view reason(std::string_view method, std::string_view target, const Asked& asked = {},
                        test::FieldList fields = {}) {
    return to_string(judge(method, target, asked, fields).reason);
}

}  // namespace

TEST_CASE("autodiscover is closed unless it is opened, and only its two paths then") {
    CHECK(reason("POST", kXml, {.on = false}) == "path");
    for (const char* path : {kXml, "/Autodiscover/AutoDiscover.XML", kJson}) {
        CHECK(reason("GET", path) == "none");
    }
    for (const char* path : {"/autodiscover", "/autodiscover/", "/autodiscover/autodiscover.svc",
                             "/autodiscover/autodiscover.json/v1.0/a", "/autodiscover.xml"}) {
        CAPTURE(path);
        CHECK(reason("GET", path) == "path");
    }
    CHECK(reason("GET", "/autodiscover/autodiscover.json@x") == "path");
    CHECK(reason("GET", "/autodiscover/autodiscover%2ejson") == "bad_request");
    CHECK(reason("POST", kXml) == "none");
    CHECK(reason("POST", kJson) == "method");
    CHECK(reason("PUT", kXml) == "method");
    CHECK(reason("HEAD", kXml) == "method");
    CHECK(reason("OPTIONS", kXml) == "method");
}

TEST_CASE("nothing that Exchange could take for another path is sent on") {
    const std::string json = std::string(kJson) + "?";
    CHECK(reason("GET", json + "Protocol=ActiveSync") == "none");
    for (const char* query : {"@evil/powershell", "Email=a@b", "Email=a%40b", "Email=a%2540b"}) {
        CAPTURE(query);
        CHECK(reason("GET", json + query) == "autodiscover");
        CHECK(reason("POST", std::string(kXml) + "?" + query) == "autodiscover");
    }
    CHECK(reason("GET", json + "a=1?b=2") == "bad_request");
    CHECK(reason("GET", kXml, {}, {{"Cookie", "Email=autodiscover/autodiscover.json?@x"}}) ==
          "autodiscover");
    CHECK(reason("GET", json + "@evil/powershell", {.observe = true}) == "autodiscover");
}

TEST_CASE("what is answered here may name an address, and nothing else with an '@'") {
    const std::string json = std::string(kJson) + "?";
    const Asked answers{.answers = true};
    CHECK(reason("GET", json + "Email=a@b&Protocol=ActiveSync", answers) == "none");
    CHECK(reason("GET", json, answers) == "none");
    CHECK(reason("GET", json + "@evil/powershell", answers) == "autodiscover");
    CHECK(reason("GET", json + "Email=a@b&x=@y", answers) == "autodiscover");
    CHECK(reason("GET", json + "Email=a@b?@c", answers) == "bad_request");
}

TEST_CASE("who is sent on has a permitted device; who is answered need not") {
    const auto as = [](std::string_view name, const Asked& asked) {
        return reason("POST", kXml, asked, {{"Authorization", basic(std::string(name) + ":pw")}});
    };
    CHECK(as("alice", {}) == "none");
    CHECK(as("corp\\ALICE", {}) == "none");
    CHECK(as("alice@corp.example", {}) == "none");
    CHECK(as("bob", {}) == "user");
    CHECK(as("mallory", {}) == "user");
    CHECK(as("", {}) == "user");
    CHECK(as("mallory", {.table = open_to_all()}) == "none");
    CHECK(as("mallory", {.answers = true}) == "none");
    CHECK(reason("POST", kXml, {}, {{"Authorization", "Bearer opaque"}}) == "user_unreadable");
    CHECK(reason("POST", kXml, {.answers = true}, {{"Authorization", "Bearer opaque"}}) == "none");
    const Verdict observed =
        judge("POST", kXml, {.observe = true}, {{"Authorization", basic("mallory:pw")}});
    CHECK(observed.allowed());
    CHECK(observed.observed == Reason::user);
}
