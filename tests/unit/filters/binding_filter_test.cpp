#include "filters/binding_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using config::Bind;
using device::Bound;

namespace {

constexpr device::KeyHash kOwn{1};
constexpr device::KeyHash kOther{2};

struct Row {
    const char* what;
    Bind bind;
    std::vector<std::string> users;     // of the MDM server
    std::vector<device::KeyHash> keys;  // likewise
    Bound bound;
    const char* user;  // bound; "" = none
    std::optional<device::KeyHash> key;
    std::string credential;  // "" = none
    const device::KeyHash* shown;
    Reason expected;
};

Reason judge_row(const Row& row, bool observe) {
    const auto table = test::table_of({{.id = "A1",
                                        .users = row.users,
                                        .state = device::State::allow,
                                        .reason = "",
                                        .keys = row.keys}});
    Rules rules;
    rules.bind = row.bind;
    rules.observe = observe;
    const test::Request request(
        row.credential.empty()
            ? test::post("Cmd=Sync&DeviceId=a1")
            : test::post("Cmd=Sync&DeviceId=a1", {{"Authorization", row.credential}}));
    Surroundings around;
    around.rules = &rules;
    around.devices = table.get();
    around.age = StateAge::fresh;
    around.client_key = row.shown;
    around.find_binding = [&row](std::string_view id, device::Binding& found) {
        CHECK(id == "A1");
        found = {.user = std::string_view(row.user), .key = row.key};
        return row.bound;
    };
    const Verdict verdict = judge_request(request.head(), around).verdict;
    return observe ? verdict.observed : verdict.reason;
}

}  // namespace

TEST_CASE("a device is used by whom, and with the key, that it is bound to") {
    const std::string alice = test::basic("alice:x");
    const std::string corp = test::basic("CORP\\ALICE:x");
    const std::string bob = test::basic("bob:x");
    const std::vector<Row> rows{
        {"off", Bind::none, {}, {kOwn}, Bound::yes, "alice", kOwn, bob, &kOther, Reason::none},
        {"free", Bind::user, {}, {}, Bound::no, "", {}, bob, nullptr, Reason::none},
        {"own", Bind::user, {}, {}, Bound::yes, "alice", {}, alice, nullptr, Reason::none},
        {"case", Bind::user, {}, {}, Bound::yes, "alice", {}, corp, nullptr, Reason::none},
        {"bob", Bind::user, {}, {}, Bound::yes, "alice", {}, bob, nullptr, Reason::bound_user},
        {"domain",
         Bind::user,
         {},
         {},
         Bound::yes,
         "LAB\\alice",
         {},
         corp,
         nullptr,
         Reason::bound_user},
        {"nobody", Bind::user, {}, {}, Bound::yes, "alice", {}, "", nullptr, Reason::none},
        {"opaque",
         Bind::user,
         {},
         {},
         Bound::yes,
         "alice",
         {},
         "Bearer x",
         nullptr,
         Reason::bound_user},
        {"the MDM server names the user",
         Bind::user,
         {"bob"},
         {},
         Bound::yes,
         "alice",
         {},
         bob,
         nullptr,
         Reason::none},
        {"the key isn't asked for",
         Bind::user,
         {},
         {kOwn},
         Bound::yes,
         "alice",
         kOwn,
         alice,
         &kOther,
         Reason::none},
        {"key", Bind::certificate, {}, {}, Bound::yes, "alice", kOwn, alice, &kOwn, Reason::none},
        {"other key",
         Bind::certificate,
         {},
         {},
         Bound::yes,
         "alice",
         kOwn,
         alice,
         &kOther,
         Reason::bound_key},
        {"no key",
         Bind::certificate,
         {},
         {},
         Bound::yes,
         "alice",
         kOwn,
         alice,
         nullptr,
         Reason::bound_key},
        {"key, other user",
         Bind::certificate,
         {},
         {},
         Bound::yes,
         "alice",
         kOwn,
         bob,
         &kOwn,
         Reason::bound_user},
        {"the MDM server's key overrides",
         Bind::certificate,
         {},
         {kOther},
         Bound::yes,
         "alice",
         kOwn,
         alice,
         &kOther,
         Reason::none},
        {"and rules",
         Bind::certificate,
         {},
         {kOther},
         Bound::yes,
         "alice",
         kOwn,
         alice,
         &kOwn,
         Reason::bound_key},
        {"also where nothing is bound",
         Bind::certificate,
         {},
         {kOther, kOther},
         Bound::no,
         "",
         {},
         alice,
         &kOwn,
         Reason::bound_key},
        {"damaged",
         Bind::user,
         {},
         {},
         Bound::unknown,
         "",
         {},
         alice,
         nullptr,
         Reason::binding_unknown},
        {"damaged, but the MDM server knows",
         Bind::user,
         {"alice"},
         {},
         Bound::unknown,
         "",
         {},
         alice,
         nullptr,
         Reason::none},
        {"damaged, the key is open",
         Bind::certificate,
         {"alice"},
         {},
         Bound::unknown,
         "",
         {},
         alice,
         &kOwn,
         Reason::binding_unknown},
        {"damaged, nothing is open",
         Bind::certificate,
         {"alice"},
         {kOwn},
         Bound::unknown,
         "",
         {},
         alice,
         &kOwn,
         Reason::none},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(judge_row(row, false) == row.expected);
        CHECK(judge_row(row, true) == row.expected);
    }
}
