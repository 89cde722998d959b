// User agents that stand in where a client leaves the field out.

#include "proxy/gate/learned_agents.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using eg::gate::LearnedAgents;

TEST_CASE("the last one counts, for the device in any spelling of its id") {
    LearnedAgents agents;
    CHECK(agents.of("ApplDN6") == "");
    agents.learn("ApplDN6", "Apple-iPhone/1");
    agents.learn("ApplDN6", "Apple-iPhone/2");
    agents.learn("OTHER", "Outlook");
    CHECK(agents.of("ApplDN6") == "Apple-iPhone/2");
    CHECK(agents.of("APPLdn6") == "Apple-iPhone/2");
    CHECK(agents.of("OTHER") == "Outlook");
}

TEST_CASE("one that is too long isn't kept, and the one before it no longer stands in") {
    LearnedAgents agents;
    agents.learn("PHONE", std::string(256, 'a'));
    CHECK(agents.of("PHONE") == std::string(256, 'a'));
    agents.learn("PHONE", std::string(257, 'b'));
    CHECK(agents.of("PHONE") == "");
}

TEST_CASE("past the limit new devices aren't learned, known ones still are") {
    LearnedAgents agents;
    for (int i = 0; i < 100'000; ++i) {
        agents.learn(fmt::format("DEVICE{}", i), "first");
    }
    agents.learn("LATE", "agent");
    CHECK(agents.of("LATE") == "");
    agents.learn("DEVICE5", "second");
    CHECK(agents.of("DEVICE5") == "second");
}
