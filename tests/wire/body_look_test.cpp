// Requests that are judged or answered by their body before anything reaches the mail server.

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/judging.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;
using namespace std::chrono_literals;

namespace {

std::string search(std::string_view store, std::string_view text = "report") {
    return from_hex("03016A00 000F 45 47 48 03") + std::string(store) + from_hex("00 01 49 55 03") +
           std::string(text) + from_hex("00 01 01 01 01");
}

std::string chunked(std::string_view command, std::string_view body, std::size_t piece) {
    std::string text = fmt::format(
        "POST /Microsoft-Server-ActiveSync?Cmd={}&DeviceId=PHONE1&DeviceType=Phone&User=alice "
        "HTTP/1.1\r\nHost: mail.example.com\r\nMS-ASProtocolVersion: 14.1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        command);
    for (std::size_t at = 0; at < body.size(); at += piece) {
        const auto part = body.substr(at, piece);
        text += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
    }
    return text + "0\r\n\r\n";
}

void answers(config::Config& config) {
    config.instances.front().autodiscover = config::Autodiscover::answer;
    config.instances.front().public_url = "https://mail.example.com";
}

std::string discover(std::string_view body, std::string_view target = "autodiscover.xml") {
    return fmt::format(
        "POST /autodiscover/{} HTTP/1.1\r\nHost: other.example\r\n"
        "Content-Length: {}\r\n\r\n{}",
        target, body.size(), body);
}

std::string discovery(std::string_view address) {
    constexpr std::string_view kBase =
        "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/";
    return fmt::format(
        "<Autodiscover xmlns=\"{0}requestschema/2006\"><Request><EMailAddress>{1}"
        "</EMailAddress><AcceptableResponseSchema>{0}responseschema/2006"
        "</AcceptableResponseSchema></Request></Autodiscover>",
        kBase, address);
}

}  // namespace

TEST_CASE("a look-up in the mailbox goes on as it came; one of documents never does") {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send(request("Search", search("DocumentLibrary")));
    REQUIRE(rig.receives(phone, "HTTP/1.1 403"));
    phone.take_received();
    phone.send(request("Search", search("Mailbox")));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, search("Mailbox")));
    CHECK(upstream.received().find("Document") == std::string::npos);
    upstream.send(answer(200, "found"));
    CHECK(rig.receives(phone, "found"));
    CHECK(rig.metrics()
              .refused_requests.at(static_cast<std::size_t>(Reason::document_lookup))
              .value() == 1);
}

TEST_CASE("nothing of a look-up is sent on before its last byte is judged") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string whole = request("Search", search("Mailbox"));
    for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
        phone.send(whole.substr(i, 1));
        rig.turn();
    }
    CHECK_FALSE(rig.upstream_if_any());
    phone.send(whole.substr(whole.size() - 1));
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, search("Mailbox")));
}

TEST_CASE("a look-up that is too long to be judged is answered 413, however it is framed") {
    const std::string body = search("GAL", std::string(70'000, 'a'));
    for (const std::string& bytes :
         {request("Search", body), chunked("Search", body, 1000), chunked("Search", body, 1)}) {
        GateRig rig;
        Peer phone = rig.connect();
        std::size_t sent = 0;
        CHECK(rig.until([&] {
            sent += phone.send(std::string_view(bytes).substr(sent));
            phone.receive();
            return phone.received().starts_with("HTTP/1.1 413");
        }));
        CHECK_FALSE(rig.upstream_if_any());
        CHECK(rig.ended(Reason::body_too_large) == 1);
    }
}

TEST_CASE("document look-ups pass where they are allowed") {
    GateRig rig(
        [](config::Config& config) { config.instances.front().allow_document_lookups = true; });
    Peer phone = rig.connect();
    phone.send(request("Search", search("DocumentLibrary")));
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, search("DocumentLibrary")));
}

TEST_CASE("autodiscover is answered without the mail server, and the connection goes on") {
    GateRig rig(answers);
    Peer phone = rig.connect();
    const std::string whole = discover(discovery("alice@corp.example"));
    for (const std::size_t cut : {whole.size(), whole.size() - 1, whole.find("<Req"), 30UL}) {
        CAPTURE(cut);
        phone.send(whole.substr(0, cut));
        rig.turn(3);
        phone.send(whole.substr(cut));
        REQUIRE(rig.receives(phone, "</Autodiscover>"));
        const std::string got = phone.take_received();
        CHECK(got.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"));
        CHECK(got.find("<Url>https://mail.example.com/Microsoft-Server-ActiveSync</Url>") !=
              std::string::npos);
        CHECK(got.find("<EMailAddress>alice@corp.example</EMailAddress>") != std::string::npos);
    }
    phone.send(
        "GET /autodiscover/autodiscover.json?Email=a@b&Protocol=ActiveSync HTTP/1.1\r\n"
        "Host: other.example\r\n\r\n");
    REQUIRE(rig.receives(phone, "https://mail.example.com/Microsoft-Server-ActiveSync\"}"));
    phone.take_received();
    phone.send("GET /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: other.example\r\n\r\n");
    REQUIRE(rig.receives(phone, "<ErrorCode>600</ErrorCode>"));
    CHECK_FALSE(rig.upstream_if_any());
    CHECK(rig.metrics().autodiscover_answered.value() == 6);
    phone.close();
    CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
    CHECK(rig.leaks() == "");
}

TEST_CASE("without public_url autodiscover answers with the host that was asked") {
    GateRig rig([](config::Config& config) {
        config.instances.front().autodiscover = config::Autodiscover::answer;
    });
    Peer phone = rig.connect();
    phone.send(discover(discovery("a@b")));
    CHECK(rig.receives(phone, "<Url>http://other.example/Microsoft-Server-ActiveSync</Url>"));
    Peer old = rig.connect();
    old.send("GET /autodiscover/autodiscover.xml HTTP/1.0\r\n\r\n");
    CHECK(rig.receives(old, "HTTP/1.1 400"));
}

TEST_CASE("an autodiscover body that doesn't end, or is too long, costs bounded time and memory") {
    GateRig rig(answers);
    Peer slow = rig.connect();
    slow.send(discover(discovery("a@b")).substr(0, 150));
    rig.turn(3);
    rig.pass(31s);
    CHECK(rig.receives(slow, "HTTP/1.1 408"));
    Peer large = rig.connect();
    large.send(
        "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 65537\r\n\r\n");
    CHECK(rig.receives(large, "HTTP/1.1 413"));
}

TEST_CASE("forwarded autodiscover is bounded, and its redirects pass") {
    GateRig rig([](config::Config& config) {
        config.instances.front().autodiscover = config::Autodiscover::forward;
    });
    Peer phone = rig.connect();
    phone.send(discover(discovery("a@b"), "AutoDiscover.xml"));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, "</Autodiscover>"));
    CHECK(upstream.received().starts_with("POST /autodiscover/autodiscover.xml HTTP/1.1\r\n"));
    upstream.send(answer(302, "", "Location: https://elsewhere.example/autodiscover\r\n"));
    CHECK(rig.receives(phone, "Location: https://elsewhere.example/autodiscover\r\n"));
    phone.take_received();
    phone.send(
        "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 65537\r\n\r\n");
    CHECK(rig.receives(phone, "HTTP/1.1 413"));
}
