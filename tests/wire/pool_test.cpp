// Connections to a mail server: lent, returned, aged, and never lent again when in doubt.

#include "proxy/upstream/pool.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/peer.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;
using upstream::UpstreamConnection;

namespace {

struct User final : net::Advancing {
    int advances = 0;
    void advance() override { ++advances; }
};

struct Bench {
    FakeClock clock;
    net::Loop loop{clock.reader()};
    net::BufferPool buffers;
    FakeResolver resolver;
    net::NameCache names{resolver, loop};
    Door door;
    upstream::Pool pool{loop, buffers, names,
                        upstream::Origin{.server = {.host = "127.0.0.1", .port = door.port()},
                                         .tls = false,
                                         .connect_timeout = 5s,
                                         .most_idle = 3,
                                         .idle_timeout = 60s},
                        nullptr};
    User user;

    /// A connection that is ready, and its other end.
    std::pair<std::unique_ptr<UpstreamConnection>, Peer> connect() {
        loop.turn(false);
        auto connection = pool.take_new(user);
        for (int i = 0; i < 20; ++i) {
            if (connection->connect() == net::Connector::Progress::ready) {
                break;
            }
            loop.turn(true);
        }
        REQUIRE(connection->connect() == net::Connector::Progress::ready);
        return {std::move(connection), door.accept().value()};
    }
    void pass(Milliseconds time) {
        clock.pass(time);
        turn();
    }
    void turn() {
        for (int i = 0; i < 3; ++i) {
            loop.turn(false);
        }
        pool.bury();
    }
};

}  // namespace

TEST_CASE("the connection used last is lent first") {
    Bench bench;
    auto [first, first_end] = bench.connect();
    auto [second, second_end] = bench.connect();
    const auto* last = second.get();
    CHECK_FALSE(first->reused());
    bench.pool.give_back(std::move(first));
    bench.pool.give_back(std::move(second));
    CHECK(bench.pool.idle() == 2);
    const auto lent = bench.pool.take(bench.user);
    CHECK(lent.get() == last);
    CHECK(lent->reused());
    CHECK(bench.pool.idle() == 1);
    CHECK(bench.pool.open() == 2);
}

TEST_CASE("while it is idle, a byte that nobody asked for ends it") {
    Bench bench;
    auto [connection, end] = bench.connect();
    bench.pool.give_back(std::move(connection));
    bench.turn();
    CHECK(bench.pool.idle() == 1);
    end.send("H");
    bench.turn();
    CHECK(bench.pool.idle() == 0);
    CHECK(bench.pool.open() == 0);
    end.receive();
    CHECK((end.ended() || end.broken()));
}

TEST_CASE("while it is idle, the mail server's goodbye ends it") {
    Bench bench;
    auto [connection, end] = bench.connect();
    bench.pool.give_back(std::move(connection));
    end.close();
    bench.turn();
    CHECK(bench.pool.idle() == 0);
    CHECK(bench.pool.open() == 0);
}

TEST_CASE("what is idle for too long is closed; being lent in between counts") {
    Bench bench;
    auto [connection, end] = bench.connect();
    bench.pool.give_back(std::move(connection));
    bench.pass(50s);
    auto lent = bench.pool.take(bench.user);
    bench.pass(50s);
    bench.pool.give_back(std::move(lent));
    bench.pass(50s);
    CHECK(bench.pool.idle() == 1);
    bench.pass(11s);
    CHECK(bench.pool.idle() == 0);
    end.receive();
    CHECK(end.ended());
}

TEST_CASE("no more than so many are kept") {
    Bench bench;
    std::vector<Peer> ends;
    std::vector<std::unique_ptr<UpstreamConnection>> connections;
    for (int i = 0; i < 4; ++i) {
        auto [connection, end] = bench.connect();
        connections.push_back(std::move(connection));
        ends.push_back(std::move(end));
    }
    for (auto& connection : connections) {
        bench.pool.give_back(std::move(connection));
    }
    CHECK(bench.pool.idle() == 3);
    CHECK(bench.pool.open() == 3);
    bench.turn();
    ends.back().receive();
    CHECK(ends.back().ended());
    bench.pool.clear();
    bench.turn();
    CHECK(bench.pool.open() == 0);
}

TEST_CASE("who has it lent hears of its events, nobody once it is discarded") {
    Bench bench;
    auto [connection, end] = bench.connect();
    bench.turn();
    const int before = bench.user.advances;
    end.send("HTTP/1.1 200 OK\r\n");
    bench.turn();
    CHECK(bench.user.advances > before);
    CHECK(connection->fill().bytes == 17);
    CHECK(connection->input().view() == "HTTP/1.1 200 OK\r\n");
    bench.pool.discard(std::move(connection));
    const int after = bench.user.advances;
    end.send("more");
    for (int i = 0; i < 3; ++i) {
        bench.loop.turn(false);
    }
    CHECK(bench.user.advances == after);
    bench.pool.bury();
}

TEST_CASE("a pinned connection that rests and hears something is broken") {
    Bench bench;
    auto [connection, end] = bench.connect();
    connection->rest();
    bench.turn();
    CHECK_FALSE(connection->broken());
    end.send("unasked");
    bench.turn();
    CHECK(connection->broken());
    CHECK(bench.pool.open() == 1);
    bench.pool.discard(std::move(connection));
    CHECK(bench.pool.open() == 0);
}
