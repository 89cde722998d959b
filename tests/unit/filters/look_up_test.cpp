#include "filters/look_up.h"

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using device::State;
using test::basic;
using test::post;
using test::Request;
using test::request_text;

namespace {

std::shared_ptr<const device::DeviceTable> table() {
    static const auto kTable = test::table_of(
        {{.id = "A1", .users = {"alice"}, .state = State::allow, .reason = "", .keys = {}}});
    return kTable;
}

/// `allowed`, or `403 path`.
std::string show(const std::string& text, StateAge age = StateAge::fresh) {
    const Request request(text);
    const Rules rules;
    Surroundings around;
    around.rules = &rules;
    around.devices = table().get();
    around.age = age;
    const Judgement judgement = judge_request(request.head(), around);
    const Explanation explanation = explain_request(request.head(), around);
    CHECK(explanation.judgement.verdict.reason == judgement.verdict.reason);
    const bool unread = judgement.verdict.reason == Reason::bad_request;
    CHECK(explanation.lines.size() == (unread ? 1 : filters::filters().size() + 1));
    CHECK((*judgement.detail != '\0') == unread);
    if (judgement.verdict.allowed()) {
        return "allowed";
    }
    return std::to_string(judgement.verdict.status) + ' ' +
           std::string(to_string(judgement.verdict.reason));
}

std::string show_path(std::string_view path) {
    return show(request_text("POST", std::string(path) + "?Cmd=Sync&DeviceId=A1"));
}

}  // namespace

TEST_CASE("what passes") {
    CHECK(show(post("Cmd=Sync&DeviceId=A1")) == "allowed");
    CHECK(show(post("Cmd=Sync&DeviceId=a1&User=alice", {{"Authorization", basic("alice:x")}})) ==
          "allowed");
    CHECK(show(request_text("OPTIONS", "/Microsoft-Server-ActiveSync")) == "allowed");
    CHECK(show_path("/microsoft-server-activesync") == "allowed");
    CHECK(show_path("/MICROSOFT-SERVER-ACTIVESYNC") == "allowed");
}

TEST_CASE("one path is published, and none that could be read as another") {
    for (const char* path :
         {"/", "/owa", "/ecp", "/Microsoft-Server-ActiveSync/", "/EWS/Exchange.asmx",
          "/Microsoft-Server-ActiveSync/default.eas", "/Microsoft-Server-ActiveSyncs",
          "/powershell", "/autodiscover/autodiscover.xml"}) {
        CAPTURE(path);
        CHECK(show_path(path) == "403 path");
    }
    for (const char* path : {"//Microsoft-Server-ActiveSync", "/x/../Microsoft-Server-ActiveSync",
                             "/Microsoft-Server-ActiveSync;x", "/%4dicrosoft-Server-ActiveSync",
                             "/Microsoft-Server-ActiveSync%2f", "/Microsoft-Server-ActiveSync%00",
                             "/Microsoft-Server-ActiveSync/.", "/Microsoft-Server-ActiveSync\\"}) {
        CAPTURE(path);
        CHECK(show_path(path) == "400 bad_request");
    }
    CHECK(show(request_text("OPTIONS", "*")) == "403 path");
}

TEST_CASE("two methods are published") {
    for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH", "post"}) {
        CAPTURE(method);
        CHECK(show(request_text(method, "/Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=A1")) ==
              "403 method");
    }
}

TEST_CASE("what can be read but isn't a command") {
    CHECK(show(post("Cmd=Teleport&DeviceId=A1")) == "403 command");
    CHECK(show(post("DeviceId=A1&x=y")) == "403 command");
    CHECK(show(post("jRgJBAFhAAF4")) == "403 command");
    CHECK(show(post("jQUJBAFhAAF4")) == "403 command");
    CHECK(show(post("")) == "403 no_device");
    CHECK(show(request_text("POST", "/Microsoft-Server-ActiveSync")) == "403 no_device");
}

TEST_CASE("stale states block everything but what can't be read") {
    CHECK(show(post("Cmd=Sync&DeviceId=A1"), StateAge::stale) == "503 states_stale");
    CHECK(show(post("Cmd=Sync&DeviceId=A1"), StateAge::missing) == "503 states_missing");
    CHECK(show(request_text("GET", "/owa"), StateAge::stale) == "503 states_stale");
    CHECK(show(request_text("OPTIONS", "/Microsoft-Server-ActiveSync"), StateAge::stale) ==
          "503 states_stale");
    CHECK(show(post("Cmd=Sync&DeviceId=A1&DeviceId=B"), StateAge::stale) == "400 bad_request");
    CHECK(show(post("Cmd=Sync&DeviceId=A1", {{"Authorization", "Basic !"}}), StateAge::stale) ==
          "400 bad_request");
    CHECK(show(request_text("GET", "//owa"), StateAge::missing) == "400 bad_request");
    CHECK(show(request_text("GET", "/owa", {{"Authorization", "Basic !"}})) == "400 bad_request");
}

TEST_CASE("a judgement says who and what it was") {
    const Request request(post("Cmd=Ping&DeviceId=a1&User=CORP%5Calice",
                               {{"Authorization", basic("alice:x")}, {"User-Agent", "Phone/1"}}));
    const Rules rules;
    Surroundings around;
    around.rules = &rules;
    const Judgement judgement = judge_request(request.head(), around);
    CHECK(judgement.verdict.reason == Reason::states_missing);
    CHECK(judgement.service == Service::active_sync);
    CHECK(judgement.eas.command == eas::Command::ping);
    CHECK(judgement.eas.device_id == "a1");
    CHECK(judgement.user_agent == "Phone/1");
    CHECK(judgement.user() == "alice");
    const Request anonymous(post("Cmd=Ping&DeviceId=a1&User=CORP%5Calice"));
    CHECK(judge_request(anonymous.head(), around).user() == "CORP\\alice");
}

TEST_CASE("a path is served only where its option is on, and goes out in our own spelling") {
    const Rules closed;
    Rules open;
    open.ews = open.traveler = open.autodiscover = true;
    struct Case {
        const char* path;
        Service closed;
        Service open;
        const char* upstream;  // where it is open
    };
    using enum Service;
    for (const Case& c : {
             Case{"/microsoft-server-ACTIVESYNC", active_sync, active_sync,
                  "/Microsoft-Server-ActiveSync"},
             {"/Microsoft-Server-ActiveSync/", none, none, ""},
             {"/Microsoft-Server-ActiveSync/Proxy", none, none, ""},
             {"/ews/EXCHANGE.asmx", none, ews, "/EWS/Exchange.asmx"},
             {"/EWS/Exchange.asmx/", none, none, ""},
             {"/EWS/Exchange.asmx/a@b", none, none, ""},
             {"/EWS/Services.wsdl", none, none, ""},
             {"/EWS", none, none, ""},
             {"/Autodiscover/AUTODISCOVER.xml", none, autodiscover,
              "/autodiscover/autodiscover.xml"},
             {"/autodiscover/Autodiscover.json", none, autodiscover,
              "/autodiscover/autodiscover.json"},
             {"/autodiscover/autodiscover.json/v1.0/a@b", none, none, ""},
             {"/autodiscover/autodiscover.svc", none, none, ""},
             {"/traveler", none, traveler, "/traveler"},
             {"/Traveler/x/Y", none, traveler, "/Traveler/x/Y"},
             {"/servlet/traveler", none, traveler, "/servlet/traveler"},
             {"/servlet/traveler/", none, traveler, "/servlet/traveler/"},
             {"/travelers", none, none, ""},
             {"/servlet", none, none, ""},
             {"/servlet/other", none, none, ""},
             {"/api/traveler", none, none, ""},
             {"/x/traveler", none, none, ""},
             {"/TRAVELER/microsoft-server-activesync", none, active_sync,
              "/traveler/Microsoft-Server-ActiveSync"},
             {"/servlet/traveler/Microsoft-Server-ActiveSync", none, active_sync,
              "/servlet/traveler/Microsoft-Server-ActiveSync"},
             {"/traveler/Microsoft-Server-ActiveSync/x", none, none, ""},
             {"/traveler/Microsoft-Server-ActiveSyncs", none, none, ""},
             {"/traveler/x/microsoft-server-ActiveSync", none, none, ""},
         }) {
        CAPTURE(c.path);
        CHECK(service_of(c.path, closed) == c.closed);
        CHECK(service_of(c.path, open) == c.open);
        CHECK(upstream_path(c.open, c.path) == c.upstream);
    }
}
