// Limits of connections and requests on a real loop, and clients that are slow to take an answer.

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/rate_table.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kAlice = "Authorization: Basic YWxpY2U6b2xkLXBhc3N3b3Jk\r\n";
constexpr std::string_view kGuess = "Authorization: Basic YWxpY2U6d3JvbmctZ3Vlc3M=\r\n";
constexpr std::string_view kBob = "Authorization: Basic Ym9iOm90aGVyLXBhc3N3b3Jk\r\n";

struct Limited {
    explicit Limited(const std::function<void(config::Limits&)>& change)
        : rig([&](config::Config& config) {
              config.limits.device_requests = 0;
              change(config.limits);
          }) {
        rig.slot().rates = std::make_shared<gate::RateTable>();
    }
    /// The status that a request is answered with.
    std::string ask(Peer& phone, std::string_view fields, std::string_view device = "PHONE1") {
        phone.send(request("FolderSync", kFolderSync, device, fields));
        REQUIRE(rig.until([&] {
            if (!upstream) {
                upstream = rig.upstream_if_any();
            }
            if (upstream && (upstream->receive(), upstream->received().ends_with(kFolderSync))) {
                upstream->take_received();
                upstream->send(answer(200, "folders"));
            }
            phone.receive();
            return phone.received().ends_with("folders") || phone.received().ends_with(".\n");
        }));
        last = phone.take_received();
        return last.substr(9, 3);
    }
    GateRig rig;
    std::optional<Peer> upstream;
    std::string last;  // answer
};

}  // namespace

TEST_CASE("a device has its requests a minute; more are answered 429, and the connection is kept") {
    Limited it([](config::Limits& limits) { limits.device_requests = 3; });
    Peer phone = it.rig.connect();
    for (int i = 0; i < 3; ++i) {
        CHECK(it.ask(phone, kAlice) == "200");
    }
    CHECK(it.ask(phone, kAlice) == "429");
    CHECK(it.last.find("\r\nRetry-After: 20\r\n") != std::string::npos);
    CHECK(it.last.find("Connection: close") == std::string::npos);
    CHECK(it.ask(phone, kAlice) == "429");
    CHECK(it.rig.ended(Reason::device_requests) == 2);
    CHECK(it.ask(phone, kAlice, "PHONE2") == "200");
    it.rig.pass(20s);
    CHECK(it.ask(phone, kAlice) == "200");
    CHECK(it.ask(phone, kAlice) == "429");
}

TEST_CASE("who doesn't know the credential can't use up what a device or a user may ask") {
    Limited it([](config::Limits& limits) {
        limits.device_requests = 2;
        limits.user_requests = 2;
    });
    Peer phone = it.rig.connect();
    for (int i = 0; i < 10; ++i) {
        (void)it.ask(phone, kGuess);
        (void)it.ask(phone, "");
    }
    CHECK(it.last.starts_with("HTTP/1.1 429"));
    CHECK(it.ask(phone, kAlice) == "200");
    CHECK(it.ask(phone, kAlice) == "200");
    CHECK(it.ask(phone, kAlice) == "429");
}

TEST_CASE("a user has requests of all devices together") {
    Limited it([](config::Limits& limits) { limits.user_requests = 2; });
    Peer phone = it.rig.connect();
    CHECK(it.ask(phone, kAlice, "PHONE1") == "200");
    CHECK(it.ask(phone, kAlice, "PHONE2") == "200");
    CHECK(it.ask(phone, kAlice, "PHONE1") == "429");
    CHECK(it.rig.ended(Reason::user_requests) == 1);
    CHECK(it.ask(phone, kBob, "PHONE1") == "200");
    CHECK(it.ask(phone, "", "PHONE1") == "200");  // names nobody
    CHECK(it.ask(phone, "", "PHONE1") == "200");
    CHECK(it.ask(phone, "", "PHONE1") == "200");
}

TEST_CASE("an address has requests whatever they are, the refused ones too") {
    Limited it([](config::Limits& limits) { limits.address_requests = 3; });
    Peer phone = it.rig.connect();
    CHECK(it.ask(phone, kAlice, "STRANGER") == "403");
    CHECK(it.ask(phone, kAlice, "STRANGER") == "403");
    CHECK(it.ask(phone, kAlice) == "200");
    CHECK(it.ask(phone, kBob, "PHONE2") == "429");
    Peer other = it.rig.connect();
    CHECK(it.ask(other, kAlice) == "429");
    CHECK(it.rig.ended(Reason::address_requests) == 2);
}

TEST_CASE("the body of a request over the limit is dropped, and the next one is read") {
    Limited it([](config::Limits& limits) { limits.address_requests = 1; });
    Peer phone = it.rig.connect();
    CHECK(it.ask(phone, kAlice) == "200");
    phone.send(request("FolderSync", std::string(5'000, 'x'), "PHONE1", kAlice) +
               request("FolderSync", kFolderSync, "PHONE1", kAlice));
    CHECK(it.rig.until([&] { return it.rig.ended(Reason::address_requests) == 2; }));
    CHECK(it.rig.requests() == 3);
}

TEST_CASE("a held Ping counts as one") {
    Limited it([](config::Limits& limits) { limits.device_requests = 2; });
    Peer phone = it.rig.connect();
    phone.send(request("Ping", kPing, "PHONE1", kAlice));
    it.upstream = it.rig.upstream();
    REQUIRE(it.rig.receives(*it.upstream, kPing));
    it.rig.turn(20);
    Peer other = it.rig.connect();
    it.upstream.reset();
    other.send(request("Ping", kPing, "PHONE1", kAlice));
    it.upstream = it.rig.upstream();
    REQUIRE(it.rig.receives(*it.upstream, kPing));
    Peer third = it.rig.connect();
    CHECK(it.ask(third, kAlice) == "429");
}

TEST_CASE(
    "connections of an address over the limit: 503 at the first request, then not even that") {
    GateRig rig;
    rig.limit().addresses.set_most(2);
    std::vector<Peer> phones;
    for (int i = 0; i < 4; ++i) {
        phones.push_back(rig.connect());
        rig.turn(2);
    }
    CHECK(rig.worker().connections() == 4);
    Peer fifth = rig.connect();
    rig.turn(2);
    CHECK(rig.sees_end(fifth));
    CHECK(rig.worker().connections() == 4);
    CHECK(rig.worker().refused() == 1);
    phones[2].send(request("FolderSync", kFolderSync));
    REQUIRE(rig.receives(phones[2], "HTTP/1.1 503"));
    CHECK(phones[2].received().find("Retry-After: ") != std::string::npos);
    CHECK(phones[2].received().find("Connection: close") != std::string::npos);
    CHECK(rig.sees_end(phones[2]));
    CHECK(rig.ended(Reason::address_connections) == 1);
    phones[0].send(request("FolderSync", kFolderSync));
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, kFolderSync));
    for (Peer& phone : phones) {
        phone.close();
    }
    REQUIRE(rig.until([&] { return rig.worker().connections() == 0; }));
    // Nothing is left over: two more find room.
    upstream.close();
    Peer again = rig.connect();
    rig.turn(2);
    again.send(request("FolderSync", kFolderSync));
    upstream = rig.upstream();
    CHECK(rig.receives(upstream, kFolderSync));
}

TEST_CASE(
    "a limit that comes with a reload doesn't count what was open, nor miss it when it goes") {
    GateRig rig;
    Peer before = rig.connect();
    rig.turn(2);
    rig.limit().addresses.set_most(1);
    Peer one = rig.connect();
    rig.turn(2);
    before.close();
    CHECK(rig.until([&] { return rig.worker().connections() == 1; }));
    Peer two = rig.connect();
    rig.turn(2);
    two.send(request("FolderSync", kFolderSync));
    CHECK(rig.receives(two, "HTTP/1.1 503"));
}

TEST_CASE("who takes an answer a few bytes at a time is cut off") {
    GateRig rig([](config::Config& config) { config.limits.body_rate = Bytes(500'000); });
    Peer phone = rig.connect();
    phone.send(request("FolderSync", kFolderSync));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kFolderSync));
    const std::string body(8'000'000, 'b');
    const std::string whole = answer(200, body);
    std::size_t sent = 0;
    std::size_t got = 0;
    int seconds = 0;
    // It always takes something, so write_timeout never comes.
    for (; seconds < 200 && rig.ended(Reason::client_timeout) == 0; ++seconds) {
        for (int i = 0; i < 5; ++i) {
            sent += upstream.send(std::string_view(whole).substr(sent));
            rig.turn();
        }
        phone.receive(20'000);
        got += phone.take_received().size();
        rig.pass(1s);
    }
    CHECK(rig.ended(Reason::client_timeout) == 1);
    CHECK(seconds > 10);
    CHECK(seconds < 60);
    CHECK(got < body.size());
}
