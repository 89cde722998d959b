// One direction of a body: framing in and out, back-pressure, and what goes wrong.

#include "proxy/gate/relay.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/fake_stream.h"

using namespace eg;
using namespace eg::test;
using gate::Relay;
using http::Framing;
using net::IoStatus;
using Status = Relay::Status;

namespace {

constexpr std::string_view kHead = "POST / HTTP/1.1\r\n\r\n";
constexpr Framing kNone{.kind = Framing::Kind::none, .length = 0};
constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};
constexpr Framing kUntilClose{.kind = Framing::Kind::until_close, .length = 0};

Framing length(std::uint64_t bytes) {
    return {.kind = Framing::Kind::length, .length = bytes};
}

/// A relay with both of its streams and the input of its source.
struct Bench {
    net::BufferPool pool;
    net::Buffer input{pool};
    FakeStream source;
    FakeStream sink;
    Relay relay{pool};

    void put(std::string_view bytes) {
        const auto room = input.space();
        std::copy(bytes.begin(), bytes.end(), room.begin());
        input.commit(bytes.size());
    }
    void start(Framing framing, Side side, bool chunked) {
        net::Buffer head(pool);
        std::copy(kHead.begin(), kHead.end(), head.space().begin());
        head.commit(kHead.size());
        relay.start(std::move(head), framing, side, chunked);
    }
    Status pump() { return relay.pump(source, input, sink); }
    /// Until something else than our own turn is needed.
    Status pump_on() {
        Status status = pump();
        while (status == Status::yield) {
            status = pump();
        }
        return status;
    }
    [[nodiscard]] std::string body() const { return sink.written().substr(kHead.size()); }
};

/// The body of a chunked message.
std::string unchunk(std::string_view bytes) {
    http::BodyReader reader(kChunked, Side::client);
    std::string body;
    while (!reader.done()) {
        const auto piece = reader.next(bytes);
        REQUIRE(piece.has_value());
        REQUIRE(piece->consumed != 0);
        body += piece->data;
        bytes.remove_prefix(piece->consumed);
    }
    CHECK(bytes.empty());
    return body;
}

}  // namespace

TEST_CASE("a body of a known length goes as it is, and what follows stays") {
    Bench bench;
    bench.put("hello");
    bench.source.gives(" wor").gives("ldNEXT").gives(IoStatus::again);
    bench.start(length(11), Side::upstream, false);
    CHECK(bench.pump_on() == Status::done);
    CHECK(bench.body() == "hello world");
    CHECK(bench.input.view() == "NEXT");
    CHECK(bench.relay.taken() == 11);
    CHECK(bench.relay.written() == kHead.size() + 11);
}

TEST_CASE("no body at all") {
    Bench bench;
    bench.put("NEXT");
    bench.start(kNone, Side::upstream, false);
    CHECK(bench.pump() == Status::done);
    CHECK(bench.body() == "");
    CHECK(bench.input.view() == "NEXT");
    CHECK(bench.source.read_calls() == 0);
}

TEST_CASE("chunks are taken apart and made anew; trailers and extensions don't pass") {
    Bench bench;
    bench.source.gives("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\nNEXT");
    bench.start(kChunked, Side::client, true);
    CHECK(bench.pump_on() == Status::done);
    CHECK(unchunk(bench.body()) == "hello world");
    CHECK(bench.body().find("Trailer") == std::string::npos);
    CHECK(bench.input.view() == "NEXT");
}

TEST_CASE("a body up to the end of the stream becomes chunks, or stays so for HTTP/1.0") {
    for (const bool chunked : {true, false}) {
        CAPTURE(chunked);
        Bench bench;
        bench.source.gives("all ").gives(IoStatus::again).gives("there is").gives(IoStatus::eof);
        bench.start(kUntilClose, Side::upstream, chunked);
        CHECK(bench.pump_on() == Status::wait_source);
        CHECK(bench.pump_on() == Status::done);
        CHECK((chunked ? unchunk(bench.body()) : bench.body()) == "all there is");
    }
}

TEST_CASE("any split of the input and any share that the sink takes give the same body") {
    const std::string plain = [] {
        std::string text;
        for (int i = 0; i < 400; ++i) {
            text += static_cast<char>('a' + i % 26);
        }
        return text;
    }();
    const std::string chunks = "64\r\n" + plain.substr(0, 100) + "\r\n1\r\n" +
                               plain.substr(100, 1) + "\r\n12b\r\n" + plain.substr(101) +
                               "\r\n0\r\nA: b\r\n\r\n";
    std::mt19937 random(20260101);
    for (int round = 0; round < 2000; ++round) {
        CAPTURE(round);
        Bench bench;
        const bool in_chunks = random() % 2 == 0;
        const bool out_chunks = random() % 2 == 0;
        const std::string wire = (in_chunks ? chunks : plain) + "NEXT";
        const std::size_t most = 1 + random() % 200;
        for (std::size_t at = 0; at < wire.size();) {
            const std::size_t size = std::min<std::size_t>(1 + random() % most, wire.size() - at);
            bench.source.gives(wire.substr(at, size));
            at += size;
            if (random() % 4 == 0) {
                bench.source.gives(IoStatus::again);
            }
        }
        for (int i = 0; i < 300; ++i) {
            bench.sink.takes(random() % 3 == 0 ? 0 : random() % most);
        }
        bench.start(in_chunks ? kChunked : length(plain.size()), Side::client, out_chunks);
        Status status = Status::wait_source;
        for (int i = 0; i < 5000 && status < Status::done; ++i) {
            status = bench.pump();
        }
        REQUIRE(status == Status::done);
        REQUIRE((out_chunks ? unchunk(bench.body()) : bench.body()) == plain);
        REQUIRE(std::string_view("NEXT").starts_with(bench.input.view().substr(0, 4)));
    }
}

TEST_CASE("while the sink takes nothing, nothing is read") {
    Bench bench;
    bench.start(length(1'000'000), Side::client, false);
    for (int i = 0; i < 100; ++i) {
        bench.source.gives(std::string(10'000, 'x'));
    }
    bench.sink.takes(kHead.size()).takes(4'000).takes(0);
    CHECK(bench.pump() == Status::wait_sink);
    const auto calls = bench.source.read_calls();
    for (int i = 0; i < 10; ++i) {
        bench.sink.takes(0);
        CHECK(bench.pump() == Status::wait_sink);
    }
    CHECK(bench.source.read_calls() == calls);
    CHECK(bench.input.size() <= net::kBufferBytes);
    CHECK(bench.pump_on() == Status::done);
    CHECK(bench.body() == std::string(1'000'000, 'x'));
}

TEST_CASE("a fast pair yields its turn to others") {
    Bench bench;
    bench.start(length(100'000'000), Side::client, false);
    for (int i = 0; i < 100; ++i) {
        bench.source.gives(std::string(50'000, 'x'));
    }
    CHECK(bench.pump() == Status::yield);
}

TEST_CASE("a waiting relay keeps no buffer") {
    Bench bench;
    bench.source.gives("half").gives(IoStatus::again);
    bench.start(length(8), Side::client, false);
    CHECK(bench.pump() == Status::wait_source);
    CHECK(bench.input.empty());
    CHECK(bench.body() == "half");
}

TEST_CASE("what ends too early, breaks, or isn't framed right") {
    Bench bench;
    SUBCASE("the source ends in the middle") {
        bench.source.gives("half").gives(IoStatus::eof);
        bench.start(length(8), Side::upstream, false);
        CHECK(bench.pump_on() == Status::source_ended);
    }
    SUBCASE("the source ends before the last chunk") {
        bench.source.gives("4\r\nhalf\r\n").gives(IoStatus::eof);
        bench.start(kChunked, Side::upstream, true);
        CHECK(bench.pump_on() == Status::source_ended);
        CHECK(bench.body() == "4\r\nhalf\r\n");
    }
    SUBCASE("the source breaks, which never ends a body well") {
        bench.source.gives("half").gives(IoStatus::error);
        bench.start(kUntilClose, Side::upstream, true);
        CHECK(bench.pump_on() == Status::source_failed);
        CHECK(bench.body() == "4\r\nhalf\r\n");
    }
    SUBCASE("the sink breaks") {
        bench.source.gives("half");
        bench.sink.break_writing();
        bench.start(length(8), Side::client, false);
        CHECK(bench.pump_on() == Status::sink_failed);
        CHECK(bench.relay.failure().sys_errno == EPIPE);
    }
    SUBCASE("a chunk size that isn't one") {
        bench.put("5\r\nhello\r\nzz\r\n");
        bench.start(kChunked, Side::client, true);
        CHECK(bench.pump_on() == Status::malformed);
        CHECK(bench.body().find("0\r\n\r\n") == std::string::npos);
    }
    SUBCASE("it stays so") {
        bench.source.gives(IoStatus::eof);
        bench.start(length(8), Side::client, false);
        CHECK(bench.pump_on() == Status::source_ended);
        CHECK(bench.pump_on() == Status::source_ended);
    }
}

TEST_CASE("a body beyond the limit is never sent to its end") {
    for (const auto& [framing, wire] : std::vector<std::pair<Framing, std::string>>{
             {kChunked, "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n"},
             {length(12), "abcdefabcdef"},
         }) {
        Bench bench;
        bench.source.gives(wire);
        bench.relay.set_most(11);
        bench.start(framing, Side::client, framing.kind == Framing::Kind::chunked);
        CHECK(bench.pump_on() == Status::too_large);
        CHECK(bench.sink.written().find("0\r\n\r\n") == std::string::npos);
        CHECK(bench.relay.written() < kHead.size() + 12);
    }
    Bench bench;
    bench.source.gives("abcdefabcde");
    bench.relay.set_most(11);
    bench.start(length(11), Side::client, false);
    CHECK(bench.pump_on() == Status::done);
}

TEST_CASE("a request that lies whole in the buffer can be sent again") {
    Bench bench;
    bench.put("helloNEXT");
    bench.start(length(5), Side::client, false);
    CHECK(bench.pump() == Status::done);
    REQUIRE(bench.relay.can_rewind());
    CHECK(bench.input.view() == "helloNEXT");
    bench.relay.rewind();
    FakeStream second;
    second.takes(3).takes(0);
    CHECK(bench.relay.pump(bench.source, bench.input, second) == Status::wait_sink);
    CHECK(bench.relay.pump(bench.source, bench.input, second) == Status::done);
    CHECK(second.written() == std::string(kHead) + "hello");
    bench.relay.release(bench.input);
    CHECK_FALSE(bench.relay.can_rewind());
    CHECK(bench.input.view() == "NEXT");
    bench.relay.release(bench.input);
    CHECK(bench.input.view() == "NEXT");
}

TEST_CASE("what is released while it is being sent is let go when it is sent") {
    Bench bench;
    bench.put("helloNEXT");
    bench.sink.takes(4).takes(0);
    bench.start(length(5), Side::client, false);
    CHECK(bench.pump() == Status::wait_sink);
    bench.relay.release(bench.input);
    CHECK(bench.input.view() == "helloNEXT");
    CHECK(bench.pump() == Status::done);
    CHECK(bench.body() == "hello");
    CHECK(bench.input.view() == "NEXT");
}

TEST_CASE("a request that came in pieces, in chunks, or is an answer can't be sent again") {
    {
        Bench bench;
        bench.put("hel");
        bench.source.gives("lo");
        bench.start(length(5), Side::client, false);
        CHECK(bench.pump_on() == Status::done);
        CHECK_FALSE(bench.relay.can_rewind());
    }
    {
        Bench bench;
        bench.put("5\r\nhello\r\n0\r\n\r\n");
        bench.start(kChunked, Side::client, true);
        CHECK(bench.pump_on() == Status::done);
        CHECK_FALSE(bench.relay.can_rewind());
    }
    Bench bench;
    bench.put("hello");
    bench.start(length(5), Side::upstream, false);
    CHECK(bench.pump_on() == Status::done);
    CHECK_FALSE(bench.relay.can_rewind());
}
