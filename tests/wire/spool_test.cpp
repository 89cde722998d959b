// Bodies of unknown length towards a mail server that must know it (`upstream_chunked: length`).

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kEnd = "0\r\n\r\n";

std::string head(std::string_view command = "SendMail", std::string_view fields = {}) {
    return fmt::format(
        "POST /Microsoft-Server-ActiveSync?Cmd={}&DeviceId=PHONE1&DeviceType=Phone&User=alice "
        "HTTP/1.1\r\nHost: mail.example.com\r\nMS-ASProtocolVersion: 14.1\r\n"
        "Transfer-Encoding: chunked\r\n{}\r\n",
        command, fields);
}

std::string chunk(std::string_view data) {
    return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

/// A SendMail whose Mime has so many bytes.
std::string mail(std::size_t bytes) {
    std::string text("\x03\x01\x6a\x00\x00\x15\x45\x50\x03", 9);
    return text + std::string(bytes, 'm') + std::string("\x00\x01\x01", 3);
}

struct Spooling {
    Folder folder;
    GateRig rig;
    explicit Spooling(std::uint64_t memory = 64 * 1024, std::uint64_t body = 1024 * 1024,
                      std::uint64_t total = 4 * 1024 * 1024,
                      std::string_view state_file = "devices.state")
        : rig([&](config::Config& config) {
              config.instances.front().upstream_chunked = config::UpstreamChunked::length;
              config.limits.spool_memory = Bytes{memory};
              config.limits.spool_body = Bytes{body};
              config.limits.spool_total = Bytes{total};
              config.mdm.state_file = folder.path(state_file);
          }) {}
};

/// Sends all of it, however long that takes.
void send_all(GateRig& rig, Peer& peer, std::string_view bytes) {
    std::size_t sent = 0;
    REQUIRE(rig.until([&] {
        sent += peer.send(bytes.substr(sent));
        return sent == bytes.size();
    }));
}

}  // namespace

TEST_CASE("a chunked body goes up with its length once it is whole, and not before") {
    for (const std::size_t size : {0UL, 100UL, 60'000UL, 80'000UL, 500'000UL}) {
        CAPTURE(size);
        Spooling with;
        GateRig& rig = with.rig;
        Peer phone = rig.connect();
        const std::string body = size == 0 ? std::string() : mail(size);
        send_all(rig, phone, head());
        for (std::size_t at = 0; at < body.size(); at += 10'000) {
            send_all(rig, phone, chunk(std::string_view(body).substr(at, 10'000)));
        }
        rig.turn(3);
        CHECK_FALSE(rig.upstream_if_any());
        phone.send(kEnd);
        Peer upstream = rig.upstream();
        REQUIRE(rig.until([&] {
            upstream.receive();
            const std::size_t end = upstream.received().find("\r\n\r\n");
            return end != std::string::npos && upstream.received().size() == end + 4 + body.size();
        }));
        CHECK(upstream.received().find(fmt::format("\r\nContent-Length: {}\r\n", body.size())) !=
              std::string::npos);
        CHECK(upstream.received().find("Transfer-Encoding") == std::string::npos);
        CHECK(upstream.received().ends_with(body));
        CHECK(rig.spooled_bytes() == 0);  // nothing is kept while the answer is awaited
        upstream.send(answer(200, "sent"));
        REQUIRE(rig.receives(phone, "sent"));
        phone.take_received();
        phone.send(request("FolderSync", kFolderSync));
        REQUIRE(rig.receives(upstream, kFolderSync));
        upstream.send(answer(200, "next"));
        CHECK(rig.receives(phone, "next"));
        CHECK(rig.metrics().spooled.value() == 1);
        CHECK(rig.metrics().spooled_files.value() == (size > 64 * 1024 ? 1 : 0));
        phone.close();
        CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
        CHECK(rig.leaks() == "");
    }
}

TEST_CASE("the root of a spooled body is judged before it is kept") {
    Spooling with;
    Peer phone = with.rig.connect();
    phone.send(head() + chunk(kFolderSync) + std::string(kEnd));
    CHECK(with.rig.receives(phone, "HTTP/1.1 403"));
    CHECK(with.rig.ended(Reason::body_root) == 1);
    CHECK_FALSE(with.rig.upstream_if_any());
}

TEST_CASE("states that change while a body comes are in force when it is whole") {
    Spooling with;
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    phone.send(head() + chunk(mail(100)));
    REQUIRE(rig.until([&] { return rig.spooled_bytes() != 0; }));
    rig.set_devices({test::phone("PHONE1", device::State::deny)});
    phone.send(kEnd);
    REQUIRE(rig.receives(phone, "HTTP/1.1 403"));
    CHECK_FALSE(rig.upstream_if_any());
    CHECK(rig.metrics()
              .refused_requests.at(static_cast<std::size_t>(Reason::device_denied))
              .value() == 1);
    CHECK(rig.spooled_bytes() == 0);
    phone.take_received();
    phone.send(request("FolderSync", kFolderSync));  // the connection goes on
    CHECK(rig.receives(phone, "HTTP/1.1 403"));
}

TEST_CASE("states that grow too old while a body comes end it with 503") {
    Spooling with;
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    phone.send(head() + chunk(mail(100)));
    REQUIRE(rig.until([&] { return rig.spooled_bytes() != 0; }));
    auto contact = std::make_shared<gate::ContactClock>();
    contact->set_expiry_ms(1);
    rig.slot().contact = contact;
    phone.send(kEnd);
    CHECK(rig.receives(phone, "HTTP/1.1 503"));
    CHECK(rig.ended(Reason::states_stale) == 1);
    CHECK_FALSE(rig.upstream_if_any());
}

TEST_CASE("a body that is too large is answered 413, and gives its room back") {
    Spooling with(1024, 100'000);
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    send_all(rig, phone, head() + chunk(mail(60'000)) + chunk(std::string(60'000, 'm')));
    REQUIRE(rig.receives(phone, "HTTP/1.1 413"));
    CHECK(rig.ended(Reason::body_too_large) == 1);
    CHECK(rig.spooled_bytes() == 0);
    CHECK(rig.sees_end(phone));
}

TEST_CASE("no room for all bodies together is 503; what ends makes room again") {
    Spooling with(1024, 100'000, 250'000);
    GateRig& rig = with.rig;
    std::vector<Peer> phones;
    for (int i = 0; i < 3; ++i) {
        phones.push_back(rig.connect());
        send_all(rig, phones.back(), head() + chunk(mail(90'000)));
        if (i < 2) {
            const auto expected = static_cast<std::uint64_t>(i + 1) * 90'000;
            REQUIRE(rig.until([&] { return rig.spooled_bytes() > expected; }));
        }
    }
    REQUIRE(rig.receives(phones[2], "HTTP/1.1 503"));
    CHECK(rig.ended(Reason::overloaded) == 1);
    phones[0].close();
    REQUIRE(rig.until([&] { return rig.spooled_bytes() < 100'000; }));
    CHECK(rig.ended(Reason::client_left) == 1);
    send_all(rig, phones[1], kEnd);
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, "Content-Length: 90012\r\n"));
}

TEST_CASE("one device can't take the room of all") {
    gate::SpoolSpace space;
    const gate::SpoolLimits limits{.memory = 1024, .body = 1000, .total = 100'000};
    net::BufferPool pool;
    std::vector<std::unique_ptr<gate::Spool>> bodies;
    const auto add = [&](std::uint64_t device) {
        bodies.push_back(std::make_unique<gate::Spool>(space, device, limits, "/tmp", pool));
        return bodies.back()->append(std::string(1000, 'x'));
    };
    for (int i = 0; i < 12; ++i) {
        CHECK(add(1) == gate::Spool::Status::ok);
    }
    CHECK(add(1) == gate::Spool::Status::no_room);
    CHECK(add(2) == gate::Spool::Status::ok);
    bodies.clear();
    CHECK(space.used() == 0);
}

TEST_CASE("a folder that takes no file ends the one request with 503") {
    Spooling with(1024, 1024 * 1024, 4 * 1024 * 1024, "missing/devices.state");
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    send_all(rig, phone, head() + chunk(mail(2'000)));
    CHECK(rig.receives(phone, "HTTP/1.1 503"));
    Peer other = rig.connect();
    other.send(request("FolderSync", kFolderSync));
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, kFolderSync));
    CHECK(rig.spooled_bytes() == 0);
}

TEST_CASE("a slow or silent body is given up") {
    SUBCASE("silent") {
        Spooling with;
        Peer phone = with.rig.connect();
        phone.send(head() + chunk(mail(10)));
        with.rig.turn(3);
        with.rig.pass(31s);
        CHECK(with.rig.receives(phone, "HTTP/1.1 408"));
        CHECK(with.rig.spooled_bytes() == 0);
    }
    SUBCASE("slow") {
        Spooling with;
        GateRig& rig = with.rig;
        Peer phone = rig.connect();
        phone.send(head() + chunk(mail(10)));
        rig.turn(3);
        CHECK(rig.until([&] {
            phone.send(chunk("m"));
            rig.pass(3s);
            phone.receive();
            return phone.received().starts_with("HTTP/1.1 408");
        }));
        CHECK(rig.ended(Reason::client_timeout) == 1);
    }
}

TEST_CASE("what can't be read as chunks is 400, and nothing of it went up") {
    Spooling with;
    Peer phone = with.rig.connect();
    phone.send(head() + chunk(mail(10)) + "zz\r\n");
    CHECK(with.rig.receives(phone, "HTTP/1.1 400"));
    CHECK_FALSE(with.rig.upstream_if_any());
    CHECK(with.rig.spooled_bytes() == 0);
}

TEST_CASE("a client that expects 100 gets it before its body is kept") {
    Spooling with;
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    phone.send(head("SendMail", "Expect: 100-continue\r\n"));
    REQUIRE(rig.receives(phone, "HTTP/1.1 100 Continue\r\n\r\n"));
    phone.send(chunk(mail(10)) + std::string(kEnd));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, "Content-Length: 22\r\n"));
    CHECK(upstream.received().find("Expect") == std::string::npos);
}

TEST_CASE("a small spooled body is sent again where a reused connection had died") {
    Spooling with;
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    phone.send(request("FolderSync", kFolderSync));
    Peer first = rig.upstream();
    REQUIRE(rig.receives(first, kFolderSync));
    first.send(answer(200, "one"));
    REQUIRE(rig.receives(phone, "one"));
    phone.send(head("FolderSync") + chunk(kFolderSync) + std::string(kEnd));
    first.take_received();
    REQUIRE(rig.receives(first, kFolderSync));
    first.close();
    Peer second = rig.upstream();
    REQUIRE(rig.receives(second, kFolderSync));
    second.send(answer(200, "two"));
    CHECK(rig.receives(phone, "two"));
    CHECK(rig.metrics().upstream_retries.value() == 1);
    CHECK(rig.spooled_bytes() == 0);
}

TEST_CASE("a reload while a body comes ends nothing") {
    Spooling with;
    GateRig& rig = with.rig;
    Peer phone = rig.connect();
    phone.send(head() + chunk(mail(100)));
    REQUIRE(rig.until([&] { return rig.spooled_bytes() != 0; }));
    rig.reload();
    phone.send(kEnd);
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, mail(100)));
    upstream.send(answer(200, "sent"));
    CHECK(rig.receives(phone, "sent"));
}
