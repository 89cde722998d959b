// Small writes of a turn leave together at its end, and none is lost.

#include "proxy/net/outbox.h"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proxy/net/socket.h"
#include "tests/support/peer.h"

using namespace eg;
using namespace eg::test;
using net::IoStatus;

namespace {

struct Owner final : net::Advancing {
    int advances = 0;
    void advance() override { ++advances; }
};

struct Pair {
    Peer peer;
    std::unique_ptr<net::Socket> socket;

    Pair(net::Loop& loop, net::Advancing& owner) {
        const auto [ours, theirs] = socket_pair();
        peer = Peer(theirs);
        socket = std::make_unique<net::Socket>(loop, ours, owner);
    }
    net::IoResult write(std::string_view bytes) const { return socket->write({&bytes, 1}); }
    /// What the peer says makes the next write one that answers.
    void hear() const {
        std::array<char, 16> buffer{};
        peer.send("?");
        socket->look_again();
        CHECK(socket->read(buffer).bytes == 1);
    }
    std::string arrived() {
        peer.receive();
        return peer.take_received();
    }
};

struct Bench {
    net::Loop loop;
    Owner owner;

    Pair pair() { return {loop, owner}; }
    /// Runs it as an event of a turn.
    void in_turn(const std::function<void()>& act) {
        bool done = false;
        loop.post([&] {
            act();
            done = true;
        });
        while (!done) {
            loop.turn(true);
        }
    }
};

/// How many writes of `bytes` the kernel takes before it says no.
int capacity(Bench& bench, const std::string& bytes) {
    const Pair pair = bench.pair();
    int count = 0;
    while (pair.write(bytes).bytes == bytes.size()) {
        ++count;
    }
    return count;
}

/// A pair whose pipe is full though the last write was taken whole.
Pair full_pair(Bench& bench) {
    const std::string kilobyte(1'000, 'x');
    Pair pair = bench.pair();
    for (int i = capacity(bench, kilobyte); i > 0; --i) {
        CHECK(pair.write(kilobyte).bytes == kilobyte.size());
    }
    pair.hear();
    return pair;
}

}  // namespace

TEST_CASE("what is written within a turn leaves at its end") {
    Bench bench;
    Pair first = bench.pair();
    Pair second = bench.pair();
    bench.in_turn([&] {
        CHECK(first.write("one").bytes == 3);
        CHECK(second.write("two").bytes == 3);
        CHECK(first.arrived().empty());
        CHECK(second.arrived().empty());
    });
    CHECK(first.arrived() == "one");
    CHECK(second.arrived() == "two");
}

TEST_CASE("outside a turn nothing waits") {
    Bench bench;
    Pair pair = bench.pair();
    CHECK(pair.write("now").bytes == 3);
    CHECK(pair.arrived() == "now");
}

TEST_CASE("what is large, or no answer, doesn't wait") {
    Bench bench;
    Pair pair = bench.pair();
    bench.in_turn([&] {
        const std::string large(net::Outbox::kMostBytes + 1, 'x');
        CHECK(pair.write(large).bytes == large.size());
        CHECK(pair.arrived() == large);
        CHECK(pair.write("more").bytes == 4);  // nothing was heard since
        CHECK(pair.arrived() == "more");
        pair.hear();
        const std::string most(net::Outbox::kMostBytes, 'y');
        CHECK(pair.write(most).bytes == most.size());
        CHECK(pair.arrived().empty());
    });
    CHECK(pair.arrived().size() == net::Outbox::kMostBytes);
}

TEST_CASE("the order of a connection's bytes stays") {
    Bench bench;
    Pair pair = bench.pair();
    bench.in_turn([&] {
        const std::array<std::string_view, 3> pieces{"a", "", "bc"};
        CHECK(pair.socket->write(pieces).bytes == 3);
        CHECK(pair.write("d").bytes == 1);
        CHECK(pair.arrived() == "abcd");  // the second pushes the first out
        pair.hear();
        CHECK(pair.write("e").bytes == 1);
        pair.hear();
        CHECK(pair.write("f").bytes == 1);
    });
    CHECK(pair.arrived() == "ef");
}

TEST_CASE("more writes, or more bytes, than it has room for leave in between") {
    for (const std::size_t bytes : {std::size_t{1}, net::Outbox::kMostBytes}) {
        CAPTURE(bytes);
        Bench bench;
        std::vector<Pair> pairs;
        for (std::size_t i = 0; i < 3 * net::Outbox::kMostWrites + 1; ++i) {
            pairs.push_back(bench.pair());
        }
        bench.in_turn([&] {
            for (const Pair& pair : pairs) {
                CHECK(pair.write(std::string(bytes, 'x')).bytes == bytes);
            }
            CHECK(pairs.front().arrived().size() == bytes);
            CHECK(pairs.back().arrived().empty());
            pairs.front().hear();
            CHECK(pairs.front().write("again").bytes == 5);
        });
        CHECK(pairs.front().arrived() == "again");
        for (std::size_t i = 1; i < pairs.size(); ++i) {
            CHECK(pairs[i].arrived().size() == bytes);
        }
    }
}

TEST_CASE("events that write nothing push out what waits for too long") {
    Bench bench;
    Pair waiting = bench.pair();
    struct Listener final : net::Advancing {
        Pair* waiting = nullptr;
        int arrived_after = 0;
        int events = 0;
        void advance() override {
            if (waiting == nullptr) {
                return;
            }
            if (++events == 1) {
                CHECK(waiting->write("soon").bytes == 4);
            }
            if (arrived_after == 0 && !waiting->arrived().empty()) {
                arrived_after = events;
            }
        }
    } listener;
    std::vector<Pair> others;
    for (std::size_t i = 0; i < 2 * net::Outbox::kMostEvents; ++i) {
        others.emplace_back(bench.loop, listener);
    }
    for (int i = 0; i < 5; ++i) {  // all of them are writable
        bench.loop.turn(false);
    }
    listener.waiting = &waiting;
    for (const Pair& other : others) {
        other.peer.send("x");
    }
    bench.loop.turn(false);
    CHECK(listener.events == static_cast<int>(others.size()));
    CHECK(listener.arrived_after == static_cast<int>(net::Outbox::kMostEvents) + 1);
}

TEST_CASE("an end comes behind what was written") {
    Bench bench;
    Pair ended = bench.pair();
    Pair closed = bench.pair();
    bench.in_turn([&] {
        CHECK(ended.write("bye").bytes == 3);
        ended.socket->shutdown_write();
        CHECK(closed.write("gone").bytes == 4);
        closed.socket.reset();
    });
    CHECK(ended.arrived() == "bye");
    CHECK(ended.peer.ended());
    CHECK(closed.arrived() == "gone");
    closed.peer.receive();
    CHECK((closed.peer.ended() || closed.peer.broken()));
}

TEST_CASE("what the kernel didn't take waits for it, and the end behind it") {
    for (const bool ends : {false, true}) {
        CAPTURE(ends);
        Bench bench;
        Pair pair = full_pair(bench);
        bench.in_turn([&] { CHECK(pair.write("tail").bytes == 4); });
        CHECK(pair.socket->holds_back());
        CHECK(pair.write("more").status == IoStatus::again);
        if (ends) {
            pair.socket->shutdown_write();
        }
        std::string got = pair.arrived();
        CHECK(got.back() == 'x');
        CHECK_FALSE(pair.peer.ended());
        const int before = bench.owner.advances;
        for (int i = 0; i < 20 && pair.socket->holds_back(); ++i) {
            bench.loop.turn(true);
        }
        CHECK(bench.owner.advances > before);
        CHECK(pair.arrived() == "tail");
        CHECK(pair.peer.ended() == ends);
        if (!ends) {
            CHECK(pair.write("more").bytes == 4);
            CHECK(pair.arrived() == "more");
        }
    }
}

TEST_CASE("what can't be sent ends the stream, and the owner is told") {
    Bench bench;
    Pair pair = bench.pair();
    bench.in_turn([&] {
        pair.peer.close();
        CHECK(pair.write("to nobody").bytes == 9);
    });
    const int before = bench.owner.advances;
    for (int i = 0; i < 20 && bench.owner.advances == before; ++i) {
        bench.loop.turn(true);
    }
    std::array<char, 16> buffer{};
    CHECK(pair.socket->read(buffer).status == IoStatus::eof);
    CHECK(pair.write("x").status == IoStatus::error);
}
