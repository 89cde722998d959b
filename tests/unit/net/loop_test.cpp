// The clock, the deadlines and the mailbox of one loop.

#include "proxy/net/loop.h"

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;

namespace {

/// Counts its advances and does what the test says.
struct Owner final : net::Advancing {
    int advances = 0;
    std::function<void()> then;
    void advance() override {
        ++advances;
        if (then) {
            then();
        }
    }
};

struct Bench {
    FakeClock clock;
    net::Loop loop{clock.reader()};
    Owner owner;
    net::Deadline deadline{loop.wheel(), owner};

    Bench() { loop.turn(false); }
    void pass(Milliseconds time) {
        clock.pass(time);
        loop.turn(false);
    }
};

}  // namespace

TEST_CASE("a deadline advances its owner once, when its time has come") {
    Bench bench;
    CHECK_FALSE(bench.deadline.armed());
    CHECK_FALSE(bench.deadline.passed());
    bench.deadline.arm(200ms);
    CHECK(bench.deadline.armed());
    bench.pass(190ms);
    CHECK(bench.owner.advances == 0);
    CHECK_FALSE(bench.deadline.passed());
    bench.pass(60ms);
    CHECK(bench.owner.advances == 1);
    CHECK(bench.deadline.passed());
    bench.pass(10s);
    CHECK(bench.owner.advances == 1);
    CHECK(bench.deadline.passed());  // until it is armed or disarmed
    bench.deadline.disarm();
    CHECK_FALSE(bench.deadline.passed());
}

TEST_CASE("a deadline of no time at all has passed at once, and its owner hears of it") {
    Bench bench;
    bench.deadline.arm(0ms);
    CHECK(bench.deadline.passed());
    bench.pass(100ms);
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("arming later is a store; the owner isn't advanced at the old time") {
    Bench bench;
    for (int i = 0; i < 20; ++i) {
        bench.deadline.arm(1s);
        bench.pass(900ms);
    }
    CHECK(bench.owner.advances == 0);
    bench.pass(200ms);
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("arming earlier counts") {
    Bench bench;
    bench.deadline.arm(3600s);
    bench.deadline.arm(100ms);
    bench.pass(160ms);
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("a disarmed deadline says nothing, and can be armed again before or after its slot") {
    Bench bench;
    bench.deadline.arm(500ms);
    bench.deadline.disarm();
    bench.pass(100ms);
    bench.deadline.arm(200ms);
    bench.pass(250ms);
    CHECK(bench.owner.advances == 1);
    bench.deadline.arm(200ms);
    bench.deadline.disarm();
    bench.pass(5s);
    CHECK(bench.owner.advances == 1);
    bench.deadline.arm(200ms);
    bench.pass(300ms);
    CHECK(bench.owner.advances == 2);
}

TEST_CASE("deadlines farther than the wheel is round") {
    Bench bench;
    bench.deadline.arm(3660s);
    for (int i = 0; i < 3650; ++i) {
        bench.pass(1s);
    }
    CHECK(bench.owner.advances == 0);
    for (int i = 0; i < 11; ++i) {
        bench.pass(1s);
    }
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("a machine that slept comes to all deadlines, and to none too early") {
    Bench bench;
    std::vector<std::unique_ptr<net::Deadline>> many;
    Owner others;
    for (int i = 1; i <= 1000; ++i) {
        many.push_back(std::make_unique<net::Deadline>(bench.loop.wheel(), others));
        many.back()->arm(Milliseconds(i * 137));
    }
    bench.deadline.arm(1000h);
    bench.pass(999h);
    CHECK(others.advances == 1000);
    CHECK(bench.owner.advances == 0);
    bench.pass(2h);
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("an owner may arm, disarm and destroy deadlines of its slot while it is advanced") {
    Bench bench;
    Owner second;
    auto doomed = std::make_unique<net::Deadline>(bench.loop.wheel(), second);
    auto silent = std::make_unique<net::Deadline>(bench.loop.wheel(), second);
    // The last one linked is the first one looked at.
    doomed->arm(100ms);
    silent->arm(100ms);
    bench.deadline.arm(100ms);
    bench.owner.then = [&] {
        doomed.reset();
        silent->disarm();
        bench.deadline.arm(100ms);
    };
    bench.pass(150ms);
    CHECK(bench.owner.advances == 1);
    CHECK(second.advances == 0);
    bench.pass(150ms);
    CHECK(bench.owner.advances == 2);
}

TEST_CASE("an owner may destroy its own deadline while it is advanced") {
    Bench bench;
    Owner owner;
    auto own = std::make_unique<net::Deadline>(bench.loop.wheel(), owner);
    auto next = std::make_unique<net::Deadline>(bench.loop.wheel(), bench.owner);
    next->arm(100ms);
    own->arm(100ms);
    owner.then = [&] { own.reset(); };
    bench.pass(200ms);
    CHECK(owner.advances == 1);
    CHECK(bench.owner.advances == 1);
}

TEST_CASE("messages run on the loop, in their order, in the next turn") {
    Bench bench;
    std::vector<int> ran;
    bench.loop.post([&] {
        ran.push_back(1);
        bench.loop.post([&] { ran.push_back(3); });
    });
    bench.loop.post([&] { ran.push_back(2); });
    CHECK(ran.empty());
    bench.loop.turn(false);
    CHECK(ran == std::vector<int>{1, 2});
    bench.loop.turn(false);
    CHECK(ran == std::vector<int>{1, 2, 3});
}

TEST_CASE("messages of many threads all arrive, and wake a waiting loop") {
    net::Loop loop;
    constexpr int kThreads = 4;
    constexpr int kEach = 2000;
    int count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < kEach; ++i) {
                loop.post([&] { ++count; });
            }
        });
    }
    while (count < kThreads * kEach) {
        loop.turn(true);
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(count == kThreads * kEach);
}

TEST_CASE("the time of a turn is read once") {
    Bench bench;
    const auto before = bench.loop.now_ms();
    bench.clock.pass(1s);
    CHECK(bench.loop.now_ms() == before);
    bench.loop.turn(false);
    CHECK(bench.loop.now_ms() == before + 1000);
}
