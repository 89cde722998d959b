// User agents that stand in where a client leaves the field out.

#include "proxy/gate/learned_agents.h"

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

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

TEST_CASE("what comes again after another one is learned again") {
    LearnedAgents agents;
    for (int round = 0; round < 3; ++round) {
        for (const char* agent : {"one", "two"}) {
            agents.learn("PHONE", agent);
            agents.learn("PHONE", agent);
            CHECK(agents.of("PHONE") == agent);
        }
    }
    const std::string too_long(257, 'b');
    agents.learn("PHONE", too_long);
    agents.learn("PHONE", too_long);
    CHECK(agents.of("PHONE") == "");
    agents.learn("PHONE", "two");
    CHECK(agents.of("PHONE") == "two");
}

TEST_CASE("of many devices each keeps its own, also where one's place was taken by another") {
    LearnedAgents agents;
    constexpr int kDevices = 4'000;  // some thirty pairs of them meet
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; i < kDevices; ++i) {
            agents.learn(fmt::format("DEVICE{}", i), fmt::format("agent {}", (i + round) % 3));
        }
        for (int i = 0; i < kDevices; ++i) {
            CHECK(agents.of(fmt::format("DEVICE{}", i)) ==
                  fmt::format("agent {}", (i + round) % 3));
        }
    }
}

TEST_CASE("workers learn at the same time: the last one counts, whoever learned it") {
    LearnedAgents agents;
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 4; ++worker) {
            workers.emplace_back([&agents, worker] {
                for (int i = 0; i < 5'000; ++i) {
                    const std::string id = fmt::format("DEVICE{}", i % 50);
                    agents.learn(id, fmt::format("agent {}", (i + worker) % 3));
                    agents.prefetch(static_cast<std::uint64_t>(i));
                }
            });
        }
    }
    for (int i = 0; i < 50; ++i) {
        const std::string id = fmt::format("DEVICE{}", i);
        CHECK(agents.of(id).starts_with("agent "));
        for (int agent = 0; agent < 3; ++agent) {
            agents.learn(id, fmt::format("agent {}", agent));
            CHECK(agents.of(id) == fmt::format("agent {}", agent));
        }
    }
}
