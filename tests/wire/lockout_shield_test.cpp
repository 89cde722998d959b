// The lock-out shield on a real loop: what reaches the mail server, and what is answered here.

#include "proxy/gate/lockout_shield.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;
using namespace std::chrono_literals;

namespace {

// alice:old and alice:new
constexpr std::string_view kOld = "Authorization: Basic YWxpY2U6b2xk\r\n";
constexpr std::string_view kNew = "Authorization: Basic YWxpY2U6bmV3\r\n";
constexpr std::string_view kChallenge =
    "WWW-Authenticate: Basic realm=\"mail\"\r\nWWW-Authenticate: Bearer "
    "authorization_uri=\"x\"\r\n";

struct Shielded {
    Shielded() { rig.slot().shield = std::make_shared<gate::LockoutShield>(60s); }
    /// The next request reaches the mail server, which answers it with `status`.
    void passes(Peer& phone, const std::string& bytes, unsigned status) {
        phone.send(bytes);
        if (!upstream) {
            upstream = rig.upstream();
        }
        REQUIRE(rig.receives(*upstream, kFolderSync));
        upstream->take_received();
        upstream->send(answer(status, "from the mail server", status == 401 ? kChallenge : ""));
        REQUIRE(rig.receives(phone, "from the mail server"));
        phone.take_received();
    }
    /// The next request is answered here.
    [[nodiscard]] std::string shielded(Peer& phone, const std::string& bytes) {
        phone.send(bytes);
        REQUIRE(rig.receives(phone, "Please sign in"));
        if (upstream) {
            upstream->receive();
            CHECK(upstream->received() == "");
        }
        return phone.take_received();
    }
    GateRig rig;
    std::optional<Peer> upstream;
};

std::string folder_sync(std::string_view fields, std::string_view device = "PHONE1") {
    return request("FolderSync", kFolderSync, device, fields);
}

}  // namespace

TEST_CASE("the same credential is answered here, with the challenge of the mail server") {
    Shielded it;
    Peer phone = it.rig.connect();
    it.passes(phone, folder_sync(kOld), 401);
    for (int i = 0; i < 3; ++i) {
        const std::string got = it.shielded(phone, folder_sync(kOld));
        CHECK(got.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
        CHECK(got.find(kChallenge) != std::string::npos);
        CHECK(got.find("Connection: close") == std::string::npos);
    }
    CHECK(it.rig.ended(Reason::lockout_shield) == 3);
    // Another connection lands on the same shield.
    Peer other = it.rig.connect();
    CHECK(it.shielded(other, folder_sync(kOld)).starts_with("HTTP/1.1 401"));
    CHECK(it.rig.service().pool().open() == 1);
    it.rig.slot().shield->change(2s);
    it.rig.pass(3s);
    it.passes(phone, folder_sync(kOld), 200);
    phone.close();
    other.close();
    CHECK(it.rig.until([&] { return it.rig.worker().connections() == 0; }));
    CHECK(it.rig.leaks() == "");
}

TEST_CASE("another credential, another device or none at all isn't shielded") {
    Shielded it;
    Peer phone = it.rig.connect();
    it.passes(phone, folder_sync(kOld), 401);
    it.passes(phone, folder_sync(kNew), 200);
    it.passes(phone, folder_sync(""), 401);
    it.passes(phone, folder_sync(""), 401);
    it.passes(phone, folder_sync(kOld, "PHONE2"), 200);
    CHECK(it.shielded(phone, folder_sync(kOld)).starts_with("HTTP/1.1 401"));
    CHECK(it.rig.slot().shield->size(0) == 1);
}

TEST_CASE("a token, NTLM and Negotiate aren't shielded: none of them locks an account") {
    Shielded it;
    for (const std::string_view field :
         {"Authorization: Bearer opaque\r\n",
          "Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==\r\n",
          "Authorization: Negotiate YII=\r\n"}) {
        CAPTURE(field);
        Peer phone = it.rig.connect();
        it.upstream.reset();
        for (int i = 0; i < 2; ++i) {
            phone.send(folder_sync(field));
            if (!it.upstream) {
                it.upstream = it.rig.upstream();
            }
            REQUIRE(it.rig.receives(*it.upstream, kFolderSync));
            it.upstream->take_received();
            it.upstream->send(answer(401, "sign in", kChallenge));
            REQUIRE(it.rig.receives(phone, "sign in"));
            phone.take_received();
        }
        it.upstream->close();
        phone.close();
        it.rig.turn(3);
    }
    CHECK(it.rig.slot().shield->size(0) == 0);
}

TEST_CASE("what the filters refuse stays refused as before") {
    Shielded it;
    Peer phone = it.rig.connect();
    it.passes(phone, folder_sync(kOld), 401);
    it.rig.set_devices({eg::test::phone("PHONE1", device::State::deny)});
    phone.send(folder_sync(kOld));
    REQUIRE(it.rig.receives(phone, "HTTP/1.1 403"));
    CHECK(it.rig.ended(Reason::device_denied) == 1);
    CHECK(it.rig.ended(Reason::lockout_shield) == 0);
}

TEST_CASE("a success that comes late clears what a refusal left") {
    Shielded it;
    Peer first = it.rig.connect();
    Peer second = it.rig.connect();
    first.send(folder_sync(kOld));
    Peer one = it.rig.upstream();
    REQUIRE(it.rig.receives(one, kFolderSync));
    second.send(folder_sync(kOld));
    Peer two = it.rig.upstream();
    REQUIRE(it.rig.receives(two, kFolderSync));
    one.send(answer(401, "no", kChallenge));
    REQUIRE(it.rig.receives(first, "no"));
    CHECK(it.rig.slot().shield->size(0) == 1);
    two.send(answer(200, "yes"));
    REQUIRE(it.rig.receives(second, "yes"));
    CHECK(it.rig.slot().shield->size(0) == 0);
}

TEST_CASE("the body of a shielded request is dropped, a long one closes the connection") {
    Shielded it;
    Peer phone = it.rig.connect();
    it.passes(phone, folder_sync(kOld), 401);
    const std::string body(50'000, 'x');
    CHECK(it.shielded(phone, request("FolderSync", body, "PHONE1", kOld))
              .starts_with("HTTP/1.1 401"));
    CHECK(it.shielded(phone, folder_sync(kOld)).starts_with("HTTP/1.1 401"));
    const std::string huge = request("FolderSync", "", "PHONE1", kOld);
    std::string head = huge;
    head.replace(head.find("Content-Length: 0"), 17, "Content-Length: 9000000");
    phone.send(head);
    REQUIRE(it.rig.receives(phone, "Connection: close"));
    CHECK(it.rig.sees_end(phone));
}

TEST_CASE("a challenge that is too long is cut at whole fields") {
    Shielded it;
    Peer phone = it.rig.connect();
    phone.send(folder_sync(kOld));
    it.upstream = it.rig.upstream();
    REQUIRE(it.rig.receives(*it.upstream, kFolderSync));
    it.upstream->take_received();
    const std::string long_one =
        fmt::format("WWW-Authenticate: Bearer x=\"{}\"\r\n", std::string(5'000, 'y'));
    it.upstream->send(answer(401, "no", long_one + std::string(kChallenge)));
    REQUIRE(it.rig.receives(phone, "no"));
    phone.take_received();
    const std::string got = it.shielded(phone, folder_sync(kOld));
    CHECK(got.find(kChallenge) != std::string::npos);
    CHECK(got.find("yyyy") == std::string::npos);
}
