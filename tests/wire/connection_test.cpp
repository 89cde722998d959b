// A client connection with a simple service: requests in, answers out, time limits, drain.

#include "proxy/server/connection.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "proxy/server/simple_transaction.h"
#include "proxy/server/worker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/peer.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;

namespace {

/// Answers with what it was asked, or keeps the reply for later.
struct EchoHandler final : server::Handler {
    server::Reply kept;
    std::size_t limit = 1000;
    int handled = 0;

    [[nodiscard]] std::size_t body_limit(const http::RequestHead&) const override { return limit; }
    void handle(const server::SimpleRequest& request, server::Reply reply) override {
        ++handled;
        if (request.head.path == "/later") {
            kept = std::move(reply);
        } else if (request.head.path == "/limited") {
            reply.send_later(5s, [] { return text("late"); });
            kept = std::move(reply);
        } else if (request.head.path != "/dropped") {
            reply.send(text(std::string(request.head.path) + ":" + std::string(request.body)));
        }
    }
    static server::SimpleResponse text(std::string body) {
        server::SimpleResponse response;
        response.body = std::move(body);
        return response;
    }
};

struct Bench {
    FakeClock clock;
    server::ConnectionLimit limit;
    EchoHandler handler;
    server::Worker worker{limit, clock.reader()};
    std::uint16_t port = 0;

    Bench() {
        Door door;
        port = door.port();
        server::ServiceSettings settings;
        settings.name = "test";
        worker.listen(door.take_fd(), loopback(port),
                      std::make_shared<server::SimpleService>(settings, handler));
    }
    [[nodiscard]] Peer connect() const { return Peer::connect(port); }
    bool until(const std::function<bool()>& happened) {
        for (int i = 0; i < 100 && !happened(); ++i) {
            worker.turn(i > 10);
        }
        return happened();
    }
    bool receives(Peer& peer, std::string_view text) {
        return until([&] {
            peer.receive();
            return peer.received().find(text) != std::string::npos;
        });
    }
    bool sees_end(Peer& peer) {
        return until([&] {
            peer.receive();
            return peer.ended() || peer.broken();
        });
    }
    void turn(int times = 3) {
        for (int i = 0; i < times; ++i) {
            worker.turn(false);
        }
    }
    void pass(Milliseconds time) {
        clock.pass(time);
        turn();
    }
};

std::string get(std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string post(std::string_view path, std::string_view body) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

}  // namespace

TEST_CASE("one request after the other, byte by byte and all at once") {
    Bench bench;
    Peer client = bench.connect();
    for (const char c : post("/a", "body")) {
        client.send({&c, 1});
        bench.turn(1);
    }
    CHECK(bench.receives(client, "/a:body"));
    client.send(post("/b", "b") + get("/c") + post("/d", "d"));
    CHECK(bench.receives(client, "/d:d"));
    CHECK(client.received().find("/b:b") < client.received().find("/c:"));
    CHECK(bench.handler.handled == 4);
    client.close();
    CHECK(bench.until([&] { return bench.worker.connections() == 0; }));
    CHECK(bench.limit.open.load() == 0);
}

TEST_CASE("an idle connection is closed after its time, with a clean end") {
    Bench bench;
    Peer client = bench.connect();
    bench.turn();
    bench.pass(1100ms);
    bench.pass(118s);
    client.receive();
    CHECK_FALSE(client.ended());
    bench.pass(2s);
    CHECK(bench.sees_end(client));
    CHECK(client.ended());
    bench.pass(3s);  // the client doesn't close its side: we do
    CHECK(bench.worker.connections() == 0);
}

TEST_CASE("bodies: too large, malformed, unfinished") {
    Bench bench;
    Peer client = bench.connect();
    SUBCASE("announced too large") {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
        CHECK(bench.receives(client, "HTTP/1.1 413"));
        CHECK(bench.sees_end(client));
    }
    SUBCASE("too large in chunks") {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                    std::string(1001, 'x') + "\r\n0\r\n\r\n");
        CHECK(bench.receives(client, "HTTP/1.1 413"));
    }
    SUBCASE("odd chunks") {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        CHECK(bench.receives(client, "HTTP/1.1 400"));
        CHECK(bench.sees_end(client));
    }
    SUBCASE("nothing for half a minute") {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
        bench.turn();
        bench.pass(31s);
        CHECK(bench.sees_end(client));
    }
    SUBCASE("the client leaves") {
        client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
        client.close();
        CHECK(bench.until([&] { return bench.worker.connections() == 0; }));
    }
    CHECK(bench.handler.handled == 0);
}

TEST_CASE("answers that come later, too late, or never") {
    Bench bench;
    Peer client = bench.connect();
    SUBCASE("later") {
        client.send(get("/later"));
        CHECK(bench.until([&] { return bench.handler.handled == 1; }));
        CHECK(bench.handler.kept.alive());
        bench.handler.kept.send(EchoHandler::text("at last"));
        CHECK(bench.receives(client, "at last"));
        CHECK_FALSE(bench.handler.kept.alive());
        client.send(get("/again"));
        CHECK(bench.receives(client, "/again:"));
    }
    SUBCASE("after its time") {
        client.send(get("/limited"));
        CHECK(bench.until([&] { return bench.handler.handled == 1; }));
        bench.pass(6s);
        CHECK(bench.receives(client, "late"));
    }
    SUBCASE("dropped") {
        client.send(get("/dropped"));
        CHECK(bench.receives(client, "HTTP/1.1 500"));
    }
    SUBCASE("to a client that has left") {
        client.send(get("/later"));
        CHECK(bench.until([&] { return bench.handler.handled == 1; }));
        client.close();
        CHECK(bench.until([&] { return bench.worker.connections() == 0; }));
        CHECK_FALSE(bench.handler.kept.alive());
        bench.handler.kept.send(EchoHandler::text("nobody"));
    }
}

TEST_CASE("drain: what is idle closes at once, what is asked is answered first") {
    Bench bench;
    Peer idle = bench.connect();
    Peer asking = bench.connect();
    Peer halfway = bench.connect();
    asking.send(get("/later"));
    halfway.send("GET /half");
    CHECK(bench.until([&] { return bench.handler.handled == 1; }));
    bench.turn();
    bench.worker.close_listeners();
    bench.worker.drain_connections();
    CHECK(bench.sees_end(idle));
    asking.receive();
    halfway.receive();
    CHECK_FALSE(asking.ended());
    CHECK_FALSE(halfway.ended());
    bench.handler.kept.send(EchoHandler::text("answered"));
    CHECK(bench.receives(asking, "answered"));
    CHECK(bench.sees_end(asking));
    halfway.send("way HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(bench.receives(halfway, "/halfway:"));
    CHECK(bench.sees_end(halfway));
    idle.close();
    asking.close();
    halfway.close();
    CHECK(bench.until([&] { return bench.worker.connections() == 0; }));
}

TEST_CASE("a client that sends on after a refusal still reads the answer") {
    Bench bench;
    Peer client = bench.connect();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client.send(std::string(50'000, 'x'));
    CHECK(bench.receives(client, "HTTP/1.1 413"));
    CHECK(bench.sees_end(client));
    CHECK_FALSE(client.broken());
}

TEST_CASE("a client that reads late still reads every answer, whole, before the end") {
    Bench bench;
    bench.handler.limit = 4'000;
    Peer client = bench.connect();
    const std::string request = post("/a", std::string(3'000, 'x'));
    int asked = 0;
    while (asked == bench.handler.handled && asked < 10'000) {  // until nothing more can be sent
        REQUIRE(client.send(request) == request.size());
        ++asked;
        bench.turn(2);
    }
    REQUIRE(asked < 10'000);
    client.half_close();
    bench.turn();
    const auto count = [&](std::string_view text) {
        int found = 0;
        for (auto at = client.received().find(text); at != std::string::npos;
             at = client.received().find(text, at + 1)) {
            ++found;
        }
        return found;
    };
    CHECK(bench.sees_end(client));
    CHECK_FALSE(client.broken());
    const int answers = count("HTTP/1.1 200");
    CHECK(answers >= asked - 1);
    CHECK(count(std::string(3'000, 'x')) == answers);
}

TEST_CASE("a worker on its own thread takes messages and stops") {
    server::ConnectionLimit limit;
    server::Worker worker(limit);
    std::atomic<int> ran{0};
    worker.start("test");
    for (int i = 0; i < 1000; ++i) {
        worker.post([&] { ++ran; });
    }
    while (ran < 1000) {
        std::this_thread::yield();
    }
    worker.stop();
    worker.join();
    CHECK(ran == 1000);
}

TEST_CASE("accepting pauses at the limit and goes on below it") {
    Bench bench;
    bench.limit.most = 1;
    Peer first = bench.connect();
    Peer second = bench.connect();
    second.send(get("/second"));
    bench.turn();
    CHECK(bench.worker.connections() == 1);
    CHECK(bench.worker.accept_pauses() == 1);
    first.close();
    CHECK(bench.until([&] { return bench.worker.connections() == 0; }));
    bench.pass(200ms);
    CHECK(bench.receives(second, "/second:"));
}
