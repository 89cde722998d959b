// From a name to a stream: several addresses, fail-over, and one time limit for all of it.

#include "proxy/net/connector.h"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/peer.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;
using Progress = net::Connector::Progress;

namespace {

struct Owner final : net::Advancing {
    net::Connector* connector = nullptr;
    Progress progress = Progress::waiting;
    void advance() override { progress = connector->step(); }
};

/// A listener whose queue is full: a connection to it neither succeeds nor fails.
class Silence {
  public:
    explicit Silence(const char* address, std::uint16_t port) {
        sockaddr_storage native{};
        const socklen_t length = SocketAddress{*IpAddress::parse(address), port}.to_native(native);
        const auto* generic = reinterpret_cast<const sockaddr*>(&native);
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        EG_CHECK(::bind(fd_, generic, length) == 0 && ::listen(fd_, 0) == 0);
        for (int i = 0; i < 3; ++i) {
            callers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            [[maybe_unused]] const int connecting = ::connect(callers_.back(), generic, length);
        }
    }
    ~Silence() {
        for (const int fd : callers_) {
            ::close(fd);
        }
        ::close(fd_);
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

  private:
    int fd_ = -1;
    std::vector<int> callers_;
};

struct Bench {
    FakeClock clock;
    net::Loop loop{clock.reader()};
    FakeResolver resolver;
    net::NameCache names{resolver, loop};
    Door door;
    HostPort server{.host = "mail", .port = door.port()};
    Owner owner;
    net::Connector connector{loop, names, {&server, nullptr, 6s}, owner};

    Bench() {
        owner.connector = &connector;
        loop.turn(false);
    }
    void start() { owner.advance(); }
    void pass(Milliseconds time) {
        clock.pass(time);
        loop.turn(false);
    }
    /// Turns until it is no longer waiting, or for a while.
    Progress settle() {
        for (int i = 0; i < 10 && owner.progress == Progress::waiting; ++i) {
            loop.turn(true);
        }
        return owner.progress;
    }
};

}  // namespace

TEST_CASE("a plain stream is ready when the connection is") {
    Bench bench;
    bench.resolver.set("mail", {"127.0.0.1"});
    bench.start();
    REQUIRE(bench.settle() == Progress::ready);
    const auto stream = bench.connector.take_stream();
    REQUIRE(stream != nullptr);
    const std::string_view hello = "hello";
    CHECK(stream->write({&hello, 1}).bytes == 5);
    Peer server = bench.door.accept().value();
    server.receive();
    CHECK(server.received() == "hello");
}

TEST_CASE("an address that refuses is passed over for the next") {
    Bench bench;
    bench.resolver.set("mail", {"127.0.0.2", "127.0.0.3", "127.0.0.1"});
    bench.start();
    CHECK(bench.settle() == Progress::ready);
}

TEST_CASE("when all refuse, the last one's word is kept") {
    Bench bench;
    bench.resolver.set("mail", {"127.0.0.2", "127.0.0.3"});
    bench.start();
    CHECK(bench.settle() == Progress::failed);
    CHECK(bench.connector.error().code == ErrorCode::refused);
    CHECK(bench.connector.error().sys_errno == ECONNREFUSED);
    CHECK(bench.connector.detail().starts_with("127.0.0.3 port "));
}

TEST_CASE("a name without an address fails at once") {
    Bench bench;
    bench.resolver.set("mail", {});
    bench.start();
    CHECK(bench.settle() == Progress::failed);
    CHECK(bench.connector.error().code == ErrorCode::unresolved);
    CHECK(bench.connector.detail().starts_with("mail port "));
}

TEST_CASE("a silent address leaves its share of the time to the next one") {
    Bench bench;
    const Silence silence("127.0.0.2", bench.door.port());
    bench.resolver.set("mail", {"127.0.0.2", "127.0.0.1"});
    bench.start();
    bench.loop.turn(false);
    CHECK(bench.owner.progress == Progress::waiting);
    bench.pass(2900ms);
    CHECK(bench.owner.progress == Progress::waiting);
    bench.pass(200ms);
    CHECK(bench.settle() == Progress::ready);
}

TEST_CASE("the limit holds for the look-up and all addresses together") {
    Bench bench;
    const Silence silence("127.0.0.2", bench.door.port());
    SUBCASE("a name that isn't answered") {
        bench.resolver.hold();
        bench.start();
        bench.pass(5900ms);
        CHECK(bench.owner.progress == Progress::waiting);
        bench.pass(200ms);
        CHECK(bench.owner.progress == Progress::failed);
        CHECK(bench.connector.error().code == ErrorCode::timed_out);
    }
    SUBCASE("a late answer leaves less time for the connection") {
        bench.resolver.set("mail", {"127.0.0.2"});
        bench.resolver.hold();
        bench.start();
        bench.pass(5s);
        bench.resolver.answer_all();
        bench.loop.turn(false);
        CHECK(bench.owner.progress == Progress::waiting);
        bench.pass(1200ms);
        CHECK(bench.owner.progress == Progress::failed);
        CHECK(bench.connector.error().code == ErrorCode::timed_out);
    }
    SUBCASE("an address that refuses leaves its share to the one that is slow") {
        const Silence last("127.0.0.4", bench.door.port());
        bench.resolver.set("mail", {"127.0.0.3", "127.0.0.4"});
        bench.start();
        bench.loop.turn(true);
        bench.pass(5800ms);
        CHECK(bench.owner.progress == Progress::waiting);
        bench.pass(300ms);
        CHECK(bench.owner.progress == Progress::failed);
    }
}
