#include "filters/ews_filter.h"

#include <doctest/doctest.h>

#include "filters/look_up.h"
#include "filters/names.h"
#include "tests/support/judging.h"
#include "tests/support/messages_ntlm.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::basic;
using test::Request;

namespace {

device::Record record(std::string id, std::vector<std::string> users, State state) {
    return {std::move(id), std::move(users), state, "", {}};
}

std::shared_ptr<const device::DeviceTable> table() {
    static const auto kTable =
        test::table_of({record("A1", {"alice", "alice@corp.example"}, State::allow),
                        record("A2", {"alice"}, State::deny), record("ANY", {}, State::allow),
                        record("B1", {"bob"}, State::non_compliant),
                        record("C1", {"CORP\\carol"}, State::allow),
                        record("D1", {"Dora", "eve"}, State::allow)})
            ->with_users(user_key);
    return kTable;
}

struct Asked {
    std::string_view connection_name{};
    bool connection_unreadable = false;
    const device::DeviceTable* devices = table().get();
};

Reason judge(std::string_view target, test::FieldList fields, const Asked& asked = {}) {
    const Request request(test::request_text("POST", target, fields));
    Rules rules;
    rules.ews = true;
    Surroundings around;
    around.rules = &rules;
    around.devices = asked.devices;
    around.age = StateAge::fresh;
    around.connection_name = asked.connection_name;
    around.connection_unreadable = asked.connection_unreadable;
    return judge_request(request.head(), around).verdict.reason;
}

Reason judge_as(std::string_view authorization, const Asked& asked = {}) {
    return judge("/EWS/Exchange.asmx",
                 {{"Content-Type", "text/xml; charset=utf-8"},
                  {"Content-Length", "500"},
                  {"Authorization", authorization}},
                 asked);
}

}  // namespace

TEST_CASE("the user of an EWS request needs a permitted device that names the user") {
    CHECK(judge_as(basic("alice:x")) == Reason::none);
    CHECK(judge_as(basic("CORP\\ALICE:x")) == Reason::none);
    CHECK(judge_as(basic("alice@corp.example:x")) == Reason::none);
    CHECK(judge_as(basic("CORP\\carol:x")) == Reason::none);
    CHECK(judge_as(basic("dora:x")) == Reason::none);
    CHECK(judge_as(basic("carol:x")) == Reason::ews_user);
    CHECK(judge_as(basic("OTHER\\carol:x")) == Reason::ews_user);
    CHECK(judge_as(basic("bob:x")) == Reason::ews_user);
    CHECK(judge_as(basic("mallory:x")) == Reason::ews_user);
    CHECK(judge_as(basic(":x")) == Reason::ews_user);
    CHECK(judge_as("Bearer opaque") == Reason::ews_user);
    CHECK(judge_as("Negotiate YIIBBg==") == Reason::ews_user);
    CHECK(judge_as(test::bearer(R"({"upn":"alice@corp.example"})")) == Reason::none);
    CHECK(judge_as(basic("alice:x"), {.connection_name = "alice"}) == Reason::none);
    CHECK(judge_as(basic("dora:x"), {.connection_name = "eve"}) == Reason::none);
    CHECK(judge_as(basic("alice:x"), {.connection_name = "dora"}) == Reason::ews_user);
    CHECK(judge_as(basic("alice:x"), {.connection_unreadable = true}) == Reason::ews_user);
}

TEST_CASE("whom no index lists is refused") {
    const auto plain = table()->with_users(nullptr);
    CHECK(judge_as(basic("alice:x"), {.devices = plain.get()}) == Reason::ews_user);
}

TEST_CASE("without a body only a connection-bound sign-in passes") {
    const std::string type1 = "NTLM " + base64_encode(test::ntlm_type1());
    const std::string type3 =
        "NTLM " + base64_encode(test::ntlm_type3({.domain = u"CORP", .user = u"alice"}));
    const std::string bobs =
        "NTLM " + base64_encode(test::ntlm_type3({.domain = u"CORP", .user = u"bob"}));
    const auto empty = [](std::string_view authorization) {
        return judge("/EWS/Exchange.asmx",
                     {{"Content-Length", "0"}, {"Authorization", authorization}});
    };
    CHECK(empty(type1) == Reason::none);
    CHECK(empty(type3) == Reason::none);
    CHECK(empty("Negotiate YIIBBg==") == Reason::none);
    CHECK(empty(bobs) == Reason::ews_user);
    CHECK(empty(basic("alice:x")) == Reason::ews);
    CHECK(judge("/EWS/Exchange.asmx", {}) == Reason::ews);
    CHECK(judge("/EWS/Exchange.asmx", {{"Authorization", type1}}) == Reason::none);
    CHECK(judge_as(type1) == Reason::none);
    CHECK(judge_as(type3) == Reason::none);
    CHECK(judge_as(bobs) == Reason::ews_user);
}

TEST_CASE("the head of an EWS request says SOAP in UTF-8, Subscribe, and nothing about others") {
    constexpr std::string_view kPath = "/EWS/Exchange.asmx";
    const auto with_type = [&](std::string_view type) {
        return judge(kPath, {{"Content-Type", type}, {"Content-Length", "9"}});
    };
    constexpr std::string_view kAction =
        "\"http://schemas.microsoft.com/exchange/services/2006/messages/Subscribe\"";
    CHECK(with_type("text/xml") == Reason::none);
    CHECK(with_type("TEXT/XML; Charset=\"UTF-8\"") == Reason::none);
    CHECK(with_type("application/soap+xml;charset=utf-8; action=" + std::string(kAction)) ==
          Reason::none);
    CHECK(with_type("application/soap+xml;action=\"urn:GetItem\"") == Reason::ews);
    CHECK(with_type("text/xml; charset=utf-16") == Reason::ews);
    CHECK(with_type("text/xml; charset=iso-8859-1") == Reason::ews);
    CHECK(with_type("application/json") == Reason::ews);
    CHECK(with_type("text/xml; boundary") == Reason::ews);
    CHECK(judge(kPath, {{"Content-Length", "9"}}) == Reason::ews);
    const auto with_field = [&](std::string_view name, std::string_view value) {
        return judge(kPath, {{"Content-Type", "text/xml"}, {"Content-Length", "9"}, {name, value}});
    };
    CHECK(with_field("SOAPAction", kAction) == Reason::none);
    CHECK(with_field("SOAPAction", "\"\"") == Reason::none);
    CHECK(with_field("SOAPAction", "\"urn:GetItem\"") == Reason::ews);
    CHECK(with_field("Content-Encoding", "gzip") == Reason::ews);
    CHECK(with_field("X-EWS-ExchangeImpersonation", "b@c") == Reason::ews);
    CHECK(with_field("X-OWA-ExplicitLogonUser", "b@c") == Reason::ews);
    CHECK(with_field("SerializedSecurityContext", "x") == Reason::ews);
    CHECK(with_field("X-AnchorMailbox", "a@b") == Reason::none);
    CHECK(with_field("Content-Type", "text/xml") == Reason::ews);
    CHECK(judge("/EWS/Exchange.asmx?a=b",
                {{"Content-Type", "text/xml"}, {"Content-Length", "9"}}) == Reason::ews);
    CHECK(judge("/EWS/Exchange.asmx?a?b",
                {{"Content-Type", "text/xml"}, {"Content-Length", "9"}}) == Reason::bad_request);
}

TEST_CASE("the key of a name is that of every name which it may match") {
    for (const char* name : {"ALICE", "\\alice", "CORP\\Alice", "alice@corp.example"}) {
        CHECK(user_key(name) == user_key("alice"));
    }
    CHECK(user_key("Ärger") == user_key("ärger"));
    CHECK(user_key("bob") != user_key("alice"));
    CHECK(user_key("a\\b@c") == user_key("A\\B@C"));
}
