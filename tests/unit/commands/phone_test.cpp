#include "proxy/commands/phone.h"

#include <string>

#include <doctest/doctest.h>

#include "proxy/commands/phone_steps.h"

using namespace eg;
using namespace eg::commands;

TEST_CASE("steps are read from a list") {
    using enum PhoneStep;
    CHECK(parse_phone_steps("options") == std::vector{options});
    CHECK(parse_phone_steps("Ping,options,SENDMAIL") == std::vector{ping, options, sendmail});
    const auto all = parse_phone_steps("all");
    REQUIRE(all.has_value());
    CHECK(all->size() == all_phone_steps().size());
    for (const PhoneStep step : all_phone_steps()) {
        CHECK(parse_phone_steps(to_string(step)) == std::vector{step});
    }
    for (const char* bad :
         {"", ",", "options,", "nonsense", "ping,ping", "options ping", "all,ping"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_phone_steps(bad).has_value());
    }
}

TEST_CASE("options that can't work are a usage error") {
    PhoneOptions good;
    good.url = "http://127.0.0.1:1";
    for (const auto& spoil : std::vector<void (*)(PhoneOptions&)>{
             [](PhoneOptions& o) { o.url = "ftp://127.0.0.1/"; },
             [](PhoneOptions& o) { o.url = "https://"; },
             [](PhoneOptions& o) { o.url = "127.0.0.1"; },
             [](PhoneOptions& o) { o.url = "https://alice:secret@127.0.0.1/"; },
             [](PhoneOptions& o) { o.url = "https://127.0.0.1/?x"; },
             [](PhoneOptions& o) { o.protocol = "2.5"; },
             [](PhoneOptions& o) { o.device_id = ""; },
             [](PhoneOptions& o) { o.user_agent = "a\r\nX: b"; },
             [](PhoneOptions& o) { o.ping = std::chrono::seconds(0); },
             [](PhoneOptions& o) { o.ping = std::chrono::seconds(3601); },
         }) {
        PhoneOptions options = good;
        spoil(options);
        CAPTURE(options.url);
        CHECK(phone(options) == 64);
    }
}

TEST_CASE("a server that isn't there fails the first step") {
    PhoneOptions options;
    options.url = "http://127.0.0.1:1";  // tcpmux: nothing listens
    CHECK(phone(options) == 1);
}

TEST_CASE("a refusal is told with who refused it and the gate's request id") {
    PhoneAnswer answer;
    answer.status = 403;
    CHECK(refusal_text(answer) == "refused, and not by the gate (403)");
    answer.headers.emplace_back("x-request-id", "abc-1");
    CHECK(refusal_text(answer) == "refused by the gate (403, request id abc-1)");
    answer.status = 503;
    answer.headers.emplace_back("Retry-After", "20");
    CHECK(refusal_text(answer) ==
          "nothing is served right now (503, request id abc-1), try again in 20 s");
    answer.status = 0;
    answer.failure = "no answer within 30 s";
    CHECK(refusal_text(answer) == "no answer within 30 s");
}

TEST_CASE("text of the other side can't steer a terminal") {
    CHECK(printable("Grüße\n") == "Grüße?");
    CHECK(printable("\x1b[31mred\x7f") == "?[31mred?");
    CHECK(printable("latin \xe4") == "latin ?");
    CHECK(printable("\xc2\x9b"
                    "31m") == "??31m");
    CHECK(printable(std::string(119, 'x') + "ä") == std::string(119, 'x') + "?");
}
