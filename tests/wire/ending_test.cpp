// How a held request ends when it must, and refusals in WBXML, as the phone sees them.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/gate/proxy_transaction.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;

namespace {

constexpr std::string_view kNothingNew("\x03\x01\x6a\x00\x00\x0d\x45\x47\x03\x31\x00\x01\x01", 13);
constexpr std::string_view kBlockedPing(
    "\x03\x01\x6a\x00\x00\x0d\x45\x47\x03\x31\x32\x39\x00\x01\x01", 15);
/// Sync{Collections{Collection{SyncKey 1}}, Wait 9}, and the same with Commands{Add}.
constexpr std::string_view kWaitingSync(
    "\x03\x01\x6a\x00\x45\x5c\x4f\x4b\x03\x31\x00\x01\x01\x01\x64\x03\x39\x00\x01\x01", 20);
constexpr std::string_view kSyncWithChanges(
    "\x03\x01\x6a\x00\x45\x5c\x4f\x4b\x03\x31\x00\x01\x56\x07\x01\x01\x01\x64\x03\x39\x00\x01\x01",
    23);

std::string of_version(std::string_view version, std::string text) {
    const std::string_view usual = "MS-ASProtocolVersion: 14.1\r\n";
    const std::string line =
        version.empty() ? "" : fmt::format("MS-ASProtocolVersion: {}\r\n", version);
    return text.replace(text.find(usual), usual.size(), line);
}

/// What a phone gets whose device is denied while its request is held.
std::string end_of(const std::string& request, std::string_view seen_upstream) {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send(request);
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, seen_upstream));
    REQUIRE(rig.until([&] { return rig.slot().held.size() == 1; }));
    rig.set_devices({eg::test::phone("PHONE1", device::State::deny)});
    rig.slot().held.for_device(device::DeviceTable::hash_id("PHONE1"),
                               [](gate::ProxyTransaction& held) { held.judge_again(); });
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    CHECK(rig.sees_end(upstream));
    CHECK(rig.ended(Reason::device_denied) == 1);
    CHECK(rig.metrics().held.value() == 0);
    CHECK_FALSE(phone.ended());
    std::string first = phone.take_received();
    // The connection goes on, and the next request meets the verdict.
    phone.send(::request("FolderSync", kFolderSync));
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    CHECK(phone.received().starts_with("HTTP/1.1 403"));
    CHECK(rig.ended(Reason::device_denied) == 2);
    return first;
}

bool is_empty_200(std::string_view answer) {
    return answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n") &&
           answer.find("Content-Length: 0\r\n") != std::string_view::npos &&
           answer.find("Content-Type") == std::string_view::npos;
}

}  // namespace

TEST_CASE("a Ping that must end says: nothing new") {
    for (const std::string_view version : {"2.5", "12.1", "14.1", "16.1", ""}) {
        CAPTURE(version);
        const std::string got = end_of(of_version(version, request("Ping", kPing)), kPing);
        CHECK(got.starts_with("HTTP/1.1 200"));
        CHECK(got.find("Content-Type: application/vnd.ms-sync.wbxml\r\n") != std::string::npos);
        CHECK(got.find("X-Request-Id: ") != std::string::npos);
        CHECK(got.ends_with(kNothingNew));
    }
    CHECK(end_of(request("Ping"), "Cmd=Ping").ends_with(kNothingNew));  // it repeats the one before
}

TEST_CASE("a Sync that only waits ends empty, in versions that know that") {
    for (const std::string_view version : {"12.1", "14.0", "14.1", "16.0", "16.1"}) {
        CAPTURE(version);
        CHECK(
            is_empty_200(end_of(of_version(version, request("Sync", kWaitingSync)), kWaitingSync)));
        CHECK(is_empty_200(end_of(of_version(version, request("Sync")), "Cmd=Sync")));
    }
    const std::string chunked = fmt::format(
        "POST /Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=PHONE1&DeviceType=P&User=alice "
        "HTTP/1.1\r\nHost: m\r\nMS-ASProtocolVersion: 14.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{}\r\nf\r\n{}\r\n0\r\n\r\n",
        kWaitingSync.substr(0, 5), kWaitingSync.substr(5));
    CHECK(is_empty_200(end_of(chunked, "0\r\n\r\n")));
}

TEST_CASE("a Sync that may carry changes never passes for accepted") {
    for (const std::string_view body : {kSyncWithChanges, kSync}) {
        CHECK(end_of(request("Sync", body), body).starts_with("HTTP/1.1 403"));
    }
    for (const std::string_view version : {"2.5", "12.0", ""}) {
        CAPTURE(version);
        CHECK(end_of(of_version(version, request("Sync", kWaitingSync)), kWaitingSync)
                  .starts_with("HTTP/1.1 403"));
        CHECK(end_of(of_version(version, request("Sync")), "Cmd=Sync").starts_with("HTTP/1.1 403"));
    }
}

TEST_CASE("a Sync whose body wasn't at hand when it was looked at is not known to wait") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string whole = request("Sync", kWaitingSync);
    phone.send(whole.substr(0, whole.size() - 4));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kWaitingSync.substr(0, 16)));
    phone.send(whole.substr(whole.size() - 4));
    REQUIRE(rig.until([&] { return rig.slot().held.size() == 1; }));
    rig.slot().held.for_device(
        device::DeviceTable::hash_id("PHONE1"),
        [](gate::ProxyTransaction& held) { held.end_held(Reason::states_stale); });
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    CHECK(phone.received().starts_with("HTTP/1.1 503"));
}

TEST_CASE("the versions on offer are narrowed, and no other is spoken") {
    GateRig rig([](config::Config& config) {
        config.instances.front().protocol_versions = {"14.1", "12.1"};
    });
    Peer phone = rig.connect();
    phone.send("OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: m\r\n\r\n");
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, "\r\n\r\n"));
    upstream.send(answer(200, "",
                         "MS-ASProtocolVersions: 2.5,12.0,12.1,14.0,14.1,16.1\r\n"
                         "MS-ASProtocolCommands: Sync,Ping\r\n"));
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    std::string got = phone.take_received();
    CHECK(got.find("MS-ASProtocolVersions: 12.1,14.1\r\n") != std::string::npos);
    CHECK(got.find("MS-ASProtocolCommands: Sync,Ping\r\n") != std::string::npos);
    phone.send(request("FolderSync", kFolderSync));
    REQUIRE(rig.receives(upstream, kFolderSync));
    upstream.send(answer(200, "x", "ms-asprotocolversions: 16.1\r\nX-MS-RP: 16.0, 14.1\r\n"));
    REQUIRE(rig.receives(phone, "\r\n\r\nx"));
    got = phone.take_received();
    CHECK(got.find("ms-asprotocolversions: \r\n") != std::string::npos);
    CHECK(got.find("X-MS-RP: 14.1\r\n") != std::string::npos);
    phone.send(of_version("16.1", request("FolderSync", kFolderSync)));
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    CHECK(phone.take_received().starts_with("HTTP/1.1 403"));
    CHECK(rig.ended(Reason::protocol_version) == 1);
}

TEST_CASE("refusals in WBXML, for phones that read them") {
    GateRig rig([](config::Config& config) {
        config.instances.front().refusal_answer = config::RefusalAnswer::activesync;
    });
    Peer phone = rig.connect();
    const auto asks = [&](const std::string& text) {
        phone.send(text);
        REQUIRE(rig.receives(phone, "\r\n\r\n"));
        rig.turn(3);
        phone.receive();
        return phone.take_received();
    };
    std::string got = asks(request("Ping", kPing, "STRANGER"));
    CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(got.find("Content-Type: application/vnd.ms-sync.wbxml\r\n") != std::string::npos);
    CHECK(got.find("Content-Length: 15\r\n") != std::string::npos);
    CHECK(got.find("X-Request-Id: ") != std::string::npos);
    CHECK(got.ends_with(kBlockedPing));
    // The connection goes on. The root of another command: said in the form of the one that is
    // named.
    got = asks(request("Ping", kFolderSync));
    CHECK(got.ends_with(
        std::string_view("\x03\x01\x6a\x00\x00\x0d\x45\x47\x03\x31\x30\x33\x00\x01\x01", 15)));
    for (const std::string_view version : {"", "2.5", "12.0", "12.1"}) {
        CAPTURE(version);
        CHECK(asks(of_version(version, request("Ping", kPing, "STRANGER")))
                  .starts_with("HTTP/1.1 403"));
    }
    CHECK(asks(request("GetAttachment", "", "STRANGER")).starts_with("HTTP/1.1 403"));
    CHECK(asks(request("Nonsense", "", "STRANGER")).starts_with("HTTP/1.1 403"));
    CHECK(asks("GET /owa HTTP/1.1\r\nHost: m\r\n\r\n").starts_with("HTTP/1.1 403"));
    CHECK(rig.ended(Reason::device_unknown) == 6);
    CHECK(rig.metrics().refused_requests.at(static_cast<std::size_t>(Reason::body_root)).value() ==
          1);
}
