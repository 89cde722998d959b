// What a descriptor that is registered once, edge-triggered, remembers of the kernel's words.

#include "proxy/net/socket.h"

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/peer.h"

using namespace eg;
using namespace eg::test;
using net::IoStatus;

namespace {

struct Owner final : net::Advancing {
    int advances = 0;
    void advance() override { ++advances; }
};

struct Bench {
    net::Loop loop;
    Owner owner;
    Peer peer;
    std::unique_ptr<net::Socket> socket;
    std::array<char, 16> buffer{};

    explicit Bench(bool tcp = false) {
        if (tcp) {
            const Door door;
            peer = Peer::connect(door.port());
            socket = std::make_unique<net::Socket>(loop, door.accept().value().take_fd(), owner);
        } else {
            const auto [ours, theirs] = socket_pair();
            peer = Peer(theirs);
            socket = std::make_unique<net::Socket>(loop, ours, owner);
        }
        loop.turn(false);
    }
    std::string read() {
        const net::IoResult got = socket->read(buffer);
        switch (got.status) {
            case IoStatus::ok:
                return {buffer.data(), got.bytes};
            case IoStatus::again:
                return "<again>";
            case IoStatus::eof:
                return "<eof>";
            default:
                return "<error>";
        }
    }
    net::IoResult write(std::string_view bytes) { return socket->write({&bytes, 1}); }
    /// Until the kernel has told something, or for a second.
    void wait_for_news() {
        const int before = owner.advances;
        for (int i = 0; i < 20 && owner.advances == before; ++i) {
            loop.turn(true);
        }
    }
};

}  // namespace

TEST_CASE("a short read means empty until the next edge") {
    Bench bench;
    bench.peer.send("hello");
    CHECK(bench.read() == "hello");
    CHECK_FALSE(bench.socket->readable());
    bench.peer.send("more");
    CHECK(bench.read() == "<again>");  // no edge was seen yet: no system call is spent
    bench.wait_for_news();
    CHECK(bench.read() == "more");
}

TEST_CASE("a full read means that there may be more") {
    Bench bench;
    bench.peer.send("0123456789abcdefrest");
    CHECK(bench.read() == "0123456789abcdef");
    CHECK(bench.socket->readable());
    CHECK(bench.read() == "rest");
    CHECK(bench.read() == "<again>");
}

TEST_CASE("an end that comes with bytes is found after them") {
    for (const bool tcp : {false, true}) {
        CAPTURE(tcp);
        Bench bench(tcp);
        bench.peer.send("last words");
        bench.peer.half_close();
        bench.wait_for_news();
        CHECK(bench.socket->hung_up());
        CHECK(bench.read() == "last words");
        CHECK(bench.read() == "<eof>");
        CHECK(bench.read() == "<eof>");
        CHECK(bench.write("answer").status == IoStatus::ok);  // our side is still open
    }
}

TEST_CASE("a reset that comes with bytes isn't overlooked") {
    Bench bench(true);
    bench.peer.send("last words");
    bench.peer.reset();
    bench.wait_for_news();
    std::string got = bench.read();
    if (got == "last words") {
        got = bench.read();
    }
    // Linux reports the error without the hang-up; a short read then hides it until somebody asks.
    if (got == "<again>") {
        bench.socket->probe();
        CHECK(bench.socket->hung_up());
        got = bench.read();
    }
    CHECK((got == "<error>" || got == "<eof>"));
    CHECK(bench.write("x").status == IoStatus::error);  // and no SIGPIPE
}

TEST_CASE("a probe of a healthy connection changes nothing") {
    Bench bench;
    bench.peer.send("hello");
    CHECK(bench.read() == "hello");
    bench.socket->probe();
    CHECK_FALSE(bench.socket->hung_up());
    CHECK_FALSE(bench.socket->readable());
}

TEST_CASE("a full pipe takes a part, then nothing until the peer has read") {
    Bench bench;
    const std::string bytes(4'000'000, 'x');
    const net::IoResult first = bench.write(bytes);
    CHECK(first.status == IoStatus::ok);
    CHECK(first.bytes < bytes.size());
    CHECK(bench.write("x").status == IoStatus::again);
    bench.peer.receive();
    bench.wait_for_news();
    CHECK(bench.write("x").status == IoStatus::ok);
}

TEST_CASE("pieces leave in their order; nothing to write is done") {
    Bench bench;
    const std::array<std::string_view, 4> pieces{"a", "", "bc", "d"};
    CHECK(bench.socket->write(pieces).bytes == 4);
    bench.peer.receive();
    CHECK(bench.peer.received() == "abcd");
    CHECK(bench.write("").status == IoStatus::ok);
}

TEST_CASE("ending our side leaves the other one open") {
    Bench bench;
    bench.socket->shutdown_write();
    bench.peer.receive();
    CHECK(bench.peer.ended());
    bench.peer.send("still here");
    bench.wait_for_news();
    CHECK(bench.read() == "still here");
}
