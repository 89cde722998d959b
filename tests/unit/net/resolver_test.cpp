// Names that one worker remembers, with a resolver that answers when the test wants.

#include "proxy/net/resolver.h"

#include <functional>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_resolver.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;

namespace {

struct Waiter final : net::Advancing {
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
    FakeResolver resolver;
    net::NameCache names{resolver, loop};
    Waiter waiter;

    Bench() {
        resolver.set("mail", {"192.0.2.1", "192.0.2.2"});
        loop.turn(false);
    }
    /// The addresses, "failed" or "waiting".
    std::string look_up(const std::string& name, net::Advancing& who) {
        bool failed = false;
        const auto* found = names.look_up(name, who, failed);
        if (found == nullptr) {
            return failed ? "failed" : "waiting";
        }
        std::string text;
        for (const auto& address : *found) {
            text += (text.empty() ? "" : " ") + address.to_string();
        }
        return text;
    }
    std::string look_up(const std::string& name = "mail") { return look_up(name, waiter); }
    void pass(Milliseconds time) {
        clock.pass(time);
        loop.turn(false);
    }
};

}  // namespace

TEST_CASE("an address needs no resolver") {
    Bench bench;
    CHECK(bench.look_up("192.0.2.9") == "192.0.2.9");
    CHECK(bench.look_up("::1") == "::1");
    bench.pass(1000h);
    CHECK(bench.look_up("::1") == "::1");
    CHECK(bench.resolver.questions() == 0);
}

TEST_CASE("a name is asked for once, and who waits is advanced once") {
    Bench bench;
    CHECK(bench.look_up() == "waiting");
    CHECK(bench.look_up() == "waiting");
    CHECK(bench.look_up() == "waiting");
    bench.loop.turn(false);
    CHECK(bench.waiter.advances == 1);
    CHECK(bench.look_up() == "192.0.2.1 192.0.2.2");
    CHECK(bench.resolver.questions() == 1);
}

TEST_CASE("the last good answer serves while a new one is asked for, and when there is none") {
    Bench bench;
    CHECK(bench.look_up() == "waiting");
    bench.loop.turn(false);
    bench.resolver.set("mail", {});
    bench.pass(31s);
    CHECK(bench.look_up() == "192.0.2.1 192.0.2.2");
    bench.loop.turn(false);
    CHECK(bench.look_up() == "192.0.2.1 192.0.2.2");
    CHECK(bench.resolver.questions() == 2);
    bench.resolver.set("mail", {"192.0.2.3"});
    bench.pass(2s);
    CHECK(bench.look_up() == "192.0.2.1 192.0.2.2");
    bench.loop.turn(false);
    CHECK(bench.look_up() == "192.0.2.3");
}

TEST_CASE("a name without an address fails, and is asked for again after a second") {
    Bench bench;
    CHECK(bench.look_up("nowhere") == "waiting");
    bench.loop.turn(false);
    CHECK(bench.look_up("nowhere") == "failed");
    CHECK(bench.look_up("nowhere") == "failed");
    CHECK(bench.resolver.questions() == 1);
    bench.resolver.set("nowhere", {"192.0.2.7"});
    bench.pass(1100ms);
    CHECK(bench.look_up("nowhere") == "waiting");
    bench.loop.turn(false);
    CHECK(bench.look_up("nowhere") == "192.0.2.7");
}

TEST_CASE("who is forgotten isn't advanced, not even when forgotten by another one's advance") {
    Bench bench;
    Waiter first;
    Waiter second;
    first.then = [&] { bench.names.forget(second); };
    second.then = [&] { bench.names.forget(first); };
    CHECK(bench.look_up("mail", bench.waiter) == "waiting");
    CHECK(bench.look_up("mail", first) == "waiting");
    CHECK(bench.look_up("mail", second) == "waiting");
    bench.names.forget(bench.waiter);
    bench.loop.turn(false);
    CHECK(bench.waiter.advances == 0);
    CHECK(first.advances + second.advances == 1);
}

TEST_CASE("the system's resolver knows this machine, and ends with questions unanswered") {
    net::Loop loop;
    std::size_t found = 0;
    bool answered = false;
    bool none = false;
    {
        net::SystemResolver resolver;
        resolver.resolve("localhost", loop, [&](const auto& addresses) {
            found = addresses.size();
            answered = true;
        });
        resolver.resolve("no name at all", loop,
                         [&](const auto& addresses) { none = addresses.empty(); });
        for (int i = 0; i < 200 && !(answered && none); ++i) {
            loop.turn(true);
        }
    }
    CHECK(found > 0);
    CHECK(none);
}
