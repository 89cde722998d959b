#include "filters/chain.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using test::Request;

namespace {

/// A request that every filter refuses; `spared` names those that are given no cause.
Facts refused_by_all_but(std::string_view spared, const Request& bad, const Request& good,
                         const device::DeviceTable& table, const Rules& rules,
                         eas::EasRequest& request, const Claims& claims) {
    const auto is_spared = [&](std::string_view name) {
        return spared.find(name) != std::string_view::npos;
    };
    request.unknown_command = !is_spared("command");
    request.command = eas::Command::sync;
    request.has_device_id = true;
    Facts facts;
    facts.rules = &rules;
    facts.age = is_spared("states") ? StateAge::fresh : StateAge::stale;
    facts.service = is_spared("path") ? Service::active_sync : Service::none;
    facts.head = is_spared("method") ? &good.head() : &bad.head();
    facts.eas = &request;
    facts.claims = &claims;
    facts.devices = &table;
    facts.device = table.find(is_spared("device") ? "OWNED" : "DENIED");
    facts.has_user_agent = is_spared("agent");
    facts.user_agent = is_spared("agent") ? "good" : "";
    return facts;
}

}  // namespace

TEST_CASE("the first objection wins, in this order") {
    const auto table = test::table_of(
        {{.id = "OWNED",
          .users = {"alice"},
          .state = device::State::allow,
          .reason = "",
          .keys = {}},
         {.id = "DENIED", .users = {}, .state = device::State::deny, .reason = "", .keys = {}}},
        {.only_secure_email = true});
    const Rules rules{.user_agents = {{"good"}}, .user_domains = {}};
    const Request bad(test::request_text("DELETE", "/owa"));
    const Request good(test::post("Cmd=Sync"));
    const Claims eve{.credential = Credential::basic, .names = {"eve"}};
    const Claims alice{.credential = Credential::basic, .names = {"alice"}};
    struct Case {
        const char* spared;
        const char* filter;
        Reason reason;
        int status;
    };
    for (const Case& c : {
             Case{"", "states", Reason::states_stale, 503},
             {"states", "path", Reason::path, 403},
             {"states path", "method", Reason::method, 403},
             {"states path method", "command", Reason::command, 403},
             {"states path method command", "device", Reason::device_denied, 403},
             {"states path method command device", "user", Reason::user, 403},
             {"states path method command device user", "user_agent", Reason::user_agent, 403},
             {"states path method command device user agent", "secure_email",
              Reason::only_secure_email, 403},
         }) {
        CAPTURE(c.spared);
        const bool user_spared = std::string_view(c.spared).find("user") != std::string_view::npos;
        eas::EasRequest request;
        const Facts facts = refused_by_all_but(c.spared, bad, good, *table, rules, request,
                                               user_spared ? alice : eve);
        const Verdict verdict = judge(facts);
        CHECK(verdict.filter == std::string_view(c.filter));
        CHECK(verdict.reason == c.reason);
        CHECK(verdict.status == c.status);
        // The trace agrees: nothing before the one that decided, and every filter was asked.
        const auto lines = trace(facts);
        CHECK(lines.size() == eg::filters::filters().size());
        for (const TraceLine& line : lines) {
            if (line.filter == std::string_view(c.filter)) {
                CHECK(line.reason == c.reason);
                break;
            }
            CHECK(line.reason == Reason::none);
        }
    }
}

TEST_CASE("a filter that is off isn't asked, and would have nothing to say") {
    const auto needed = [](const Rules& rules) {
        const std::uint32_t bits = needed_filters(rules);
        std::string names;
        for (std::size_t i = 0; i < eg::filters::filters().size(); ++i) {
            names += (bits >> i & 1U) != 0 ? std::string(eg::filters::filters()[i].name) + ' ' : "";
        }
        return names;
    };
    CHECK(needed({}) == "states path method command device user secure_email ");
    const std::array<std::string, 1> versions{"14.1"};
    CHECK(needed({.user_agents = {{}},
                  .device_types = {{}},
                  .versions = eas::VersionSet(versions),
                  .ews = true,
                  .traveler = true,
                  .autodiscover = true,
                  .bind = config::Bind::user}) ==
          "states path method command version device traveler ews autodiscover user binding "
          "user_agent device_type secure_email ");
    const auto with = [&](const Rules& rules) {
        std::string names;
        const std::uint32_t more = needed_filters(rules) & ~needed_filters({});
        for (std::size_t i = 0; i < eg::filters::filters().size(); ++i) {
            names += (more >> i & 1U) != 0 ? eg::filters::filters()[i].name : "";
        }
        return names;
    };
    CHECK(with({.user_agents = {{}}}) == "user_agent");
    CHECK(with({.user_agents = {}, .device_types = {{}}}) == "device_type");
    CHECK(with({.user_agents = {}, .versions = eas::VersionSet(versions)}) == "version");
    CHECK(with({.user_agents = {}, .ews = true}) == "ews");
    CHECK(with({.user_agents = {}, .traveler = true}) == "traveler");
    CHECK(with({.user_agents = {}, .autodiscover = true}) == "autodiscover");
    CHECK(with({.user_agents = {}, .bind = config::Bind::certificate}) == "binding");

    const auto table = test::table_of(
        {{.id = "DENIED", .users = {}, .state = device::State::deny, .reason = "", .keys = {}}});
    const Request bad(test::request_text("DELETE", "/owa"));
    const Request good(test::post("Cmd=Sync"));
    const Claims eve{.credential = Credential::basic, .names = {"eve"}};
    Rules rules;
    rules.asked = needed_filters(rules);
    for (const char* spared : {"", "states", "states path", "states path method command"}) {
        eas::EasRequest request;
        const Facts facts = refused_by_all_but(spared, bad, good, *table, rules, request, eve);
        for (std::size_t i = 0; i < eg::filters::filters().size(); ++i) {
            if ((rules.asked >> i & 1U) == 0) {
                CHECK(eg::filters::filters()[i].judge(facts) == Reason::none);
            }
        }
    }
}

TEST_CASE("observing lets pass what is said of device, user and user agent, and nothing else") {
    const auto table = test::table_of(
        {{.id = "OWNED",
          .users = {"alice"},
          .state = device::State::allow,
          .reason = "",
          .keys = {}},
         {.id = "DENIED", .users = {}, .state = device::State::deny, .reason = "", .keys = {}}},
        {.only_secure_email = true});
    const Rules rules{.user_agents = {{"good"}}, .user_domains = {}, .observe = true};
    const Request bad(test::request_text("DELETE", "/owa"));
    const Request good(test::post("Cmd=Sync"));
    const Claims eve{.credential = Credential::basic, .names = {"eve"}};
    struct Case {
        const char* spared;
        Reason refused;
        Reason observed;
    };
    for (const Case& c : {
             Case{"", Reason::states_stale, Reason::none},
             {"states", Reason::path, Reason::none},
             {"states path", Reason::method, Reason::none},
             {"states path method", Reason::command, Reason::none},
             {"states path method command", Reason::none, Reason::device_denied},
             {"states path method command device", Reason::none, Reason::user},
         }) {
        CAPTURE(c.spared);
        eas::EasRequest request;
        const Verdict verdict =
            judge(refused_by_all_but(c.spared, bad, good, *table, rules, request, eve));
        CHECK(verdict.reason == c.refused);
        CHECK(verdict.observed == c.observed);
    }
    const Rules open{.user_agents = {}, .user_domains = {}, .observe = true};
    Facts facts{.rules = &open};
    for (const Service service : {Service::active_sync, Service::ews, Service::traveler}) {
        facts.service = service;
        for (const Filter& filter : eg::filters::filters()) {
            CHECK(is_relaxed(filter, facts) ==
                  (filter.relaxable && service == Service::active_sync));
        }
    }
    // The words that `easgate preview` looks for are those of the relaxable filters.
    for (const char* word : {"no_device", "device_unknown", "device_denied", "device_wipe", "user",
                             "user_unreadable", "user_agent", "only_secure_email"}) {
        CHECK(is_relaxable(word));
    }
    for (const char* word : {"none", "path", "method", "command", "states_stale", "malformed",
                             "upstream_silent", "certificate", "body_root", ""}) {
        CHECK_FALSE(is_relaxable(word));
    }
}

TEST_CASE("a trace works where most facts are missing") {
    const Rules rules{.user_agents = {{"good"}}, .user_domains = {}};
    const Request request(test::request_text("GET", "/owa"));
    Facts facts;
    facts.rules = &rules;
    facts.head = &request.head();
    std::string objections;
    for (const TraceLine& line : trace(facts)) {
        CHECK(std::string_view(line.question).ends_with('?'));
        objections += std::string(to_string(line.reason)) + ' ';
    }
    CHECK(objections ==
          "states_missing path method none none none none none none none none none none none ");
}

TEST_CASE("states that are fresh but not there are missing") {
    Facts facts;
    facts.age = StateAge::fresh;
    CHECK(eg::filters::filters().front().judge(facts) == Reason::states_missing);
}
