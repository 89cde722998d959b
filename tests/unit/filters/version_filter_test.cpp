#include "filters/version_filter.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;

namespace {

Reason judged(const std::vector<std::string>& permitted, std::string_view method,
              std::uint16_t version) {
    const Rules rules{.user_agents = {}, .versions = eas::VersionSet(permitted)};
    const test::Request request(
        test::request_text(method, "/Microsoft-Server-ActiveSync?Cmd=Sync"));
    eas::EasRequest eas;
    eas.protocol_version = version;
    Facts facts;
    facts.rules = &rules;
    facts.head = &request.head();
    facts.eas = &eas;
    return judge_version(facts);
}

}  // namespace

TEST_CASE("only the permitted versions are spoken") {
    CHECK(judged({}, "POST", 25) == Reason::none);
    CHECK(judged({"14.1", "16.1"}, "POST", 141) == Reason::none);
    CHECK(judged({"14.1", "16.1"}, "POST", 161) == Reason::none);
    CHECK(judged({"14.1", "16.1"}, "POST", 140) == Reason::protocol_version);
    CHECK(judged({"14.1", "16.1"}, "POST", 25) == Reason::protocol_version);
    CHECK(judged({"14.1"}, "POST", 0) == Reason::none);      // the mail server asks
    CHECK(judged({"14.1"}, "OPTIONS", 25) == Reason::none);  // how a client learns it
}
