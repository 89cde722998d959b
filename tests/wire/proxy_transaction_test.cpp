// A request through the gate, from the phone's bytes to the mail server's and back, on a real loop.

#include "proxy/gate/proxy_transaction.h"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;
using namespace std::chrono_literals;

TEST_CASE("a request goes up and its answer comes down; both connections are kept") {
    GateRig rig;
    Peer phone = rig.connect();
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        phone.send(request("FolderSync", kFolderSync));
        static Peer upstream;
        if (round == 0) {
            upstream = rig.upstream();
        }
        REQUIRE(rig.receives(upstream, kFolderSync));
        CHECK(upstream.take_received().starts_with(
            "POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&DeviceId=PHONE1"));
        upstream.send(answer(200, "folders"));
        REQUIRE(rig.receives(phone, "folders"));
        CHECK(phone.take_received().starts_with("HTTP/1.1 200 Some\r\n"));
        CHECK(rig.service().pool().idle() == 1);
        CHECK(rig.service().pool().open() == 1);
        rig.turn();
        CHECK(rig.metrics().upstream_connections.value() == 1);  // idle, and still open
    }
    CHECK(rig.ended(Reason::none) == 3);
    CHECK(rig.metrics().upstream_reuses.value() == 2);
    phone.close();
    CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
    CHECK(rig.leaks() == "");
}

TEST_CASE("a refused request never reaches the mail server, and the connection goes on") {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send(request("Sync", kSync, "STRANGER"));
    REQUIRE(rig.receives(phone, "\r\n\r\n"));
    CHECK(phone.take_received().starts_with("HTTP/1.1 403"));
    phone.send(request("Sync", kSync));
    Peer upstream = rig.upstream();
    CHECK(rig.receives(upstream, kSync));
    CHECK(upstream.received().find("STRANGER") == std::string::npos);
    CHECK(rig.ended(Reason::device_unknown) == 1);
}

TEST_CASE("the second request of a pipeline may come in pieces while the first is answered") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string second = request("Ping", kPing);
    phone.send(request("FolderSync", kFolderSync) + second.substr(0, 30));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kFolderSync));
    phone.send(second.substr(30));
    rig.turn(3);
    upstream.take_received();
    upstream.send(answer(200, "one"));
    REQUIRE(rig.receives(phone, "one"));
    REQUIRE(rig.receives(upstream, kPing));
    upstream.send(answer(200, "two"));
    CHECK(rig.receives(phone, "two"));
    CHECK(rig.ended(Reason::none) == 2);
}

TEST_CASE("many requests at once are answered in their order") {
    GateRig rig;
    Peer phone = rig.connect();
    std::string all;
    for (int i = 0; i < 500; ++i) {
        all += request("Ping", kPing, fmt::format("STRANGER{}", i));
    }
    // More than a buffer holds, and the last head of a buffer is cut anywhere.
    REQUIRE(all.size() > 72 * 1024);
    std::size_t sent = 0;
    CHECK(rig.until([&] {
        sent += phone.send(std::string_view(all).substr(sent));
        phone.receive();
        return rig.ended(Reason::device_unknown) == 500;
    }));
    CHECK(rig.requests() == 500);
}

TEST_CASE("a half-sent head that ends is closed at once, not waited for") {
    GateRig rig;
    Peer phone = rig.connect();
    rig.turn(2);
    phone.send("POST /Micro");
    phone.half_close();
    CHECK(rig.sees_end(phone));
    phone.close();
    CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
    CHECK(rig.leaks() == "");
}

TEST_CASE("a head that doesn't come to its end is answered 408") {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send("POST /Micro");
    rig.turn(3);
    rig.pass(9s);
    CHECK(phone.received() == "");
    rig.pass(2s);
    REQUIRE(rig.receives(phone, "HTTP/1.1 408"));
    CHECK(rig.sees_end(phone));
    CHECK(rig.ended(Reason::client_timeout) == 1);
}

TEST_CASE("a held request gives its buffers back and ends within its time") {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send(request("Ping", kPing));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kPing));
    CHECK(rig.slot().held.size() == 1);
    rig.pass(2s);
    rig.pass(3000s);
    CHECK(rig.slot().held.size() == 1);
    SUBCASE("by its answer") {
        upstream.send(answer(200, "changes"));
        CHECK(rig.receives(phone, "changes"));
        CHECK(rig.ended(Reason::none) == 1);
    }
    SUBCASE("by the limit") {
        rig.pass(700s);
        CHECK(rig.receives(phone, "HTTP/1.1 504"));
        CHECK(rig.sees_end(upstream));
        CHECK(rig.ended(Reason::upstream_silent) == 1);
    }
    SUBCASE("by the phone that hangs up") {
        phone.close();
        CHECK(rig.sees_end(upstream));
        CHECK(rig.ended(Reason::client_left) == 1);
    }
    SUBCASE("by the mail server that hangs up") {
        upstream.close();
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
        CHECK(rig.ended(Reason::upstream_invalid) == 1);
    }
    SUBCASE("by a change of the device") {
        rig.set_devices({eg::test::phone("PHONE1", device::State::deny)});
        rig.slot().held.for_device(device::DeviceTable::hash_id("PHONE1"),
                                   [](gate::ProxyTransaction& held) { held.judge_again(); });
        CHECK(rig.receives(
            phone, std::string_view("\x03\x01\x6a\x00\x00\x0d\x45\x47\x03\x31\x00\x01\x01", 13)));
        CHECK(phone.received().starts_with("HTTP/1.1 200"));
        CHECK(rig.sees_end(upstream));
        CHECK(rig.ended(Reason::device_denied) == 1);
    }
    CHECK(rig.slot().held.size() == 0);
    CHECK(rig.metrics().held.value() == 0);
}

TEST_CASE("a phone that resets its connection together with its request frees the mail server") {
    GateRig rig;
    Peer phone = rig.connect();
    rig.turn(3);
    phone.send(request("Ping", kPing));
    phone.reset();  // both are there when the loop looks
    Peer upstream = rig.upstream();
    rig.turn(5);
    rig.pass(1500ms);
    CHECK(rig.until([&] { return rig.ended(Reason::client_left) == 1; }));
    CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
    CHECK(rig.leaks() == "");
}

TEST_CASE("an upstream connection that died unnoticed is replaced once, for what may be repeated") {
    GateRig rig;
    Peer phone = rig.connect();
    phone.send(request("FolderSync", kFolderSync));
    Peer first = rig.upstream();
    REQUIRE(rig.receives(first, kFolderSync));
    first.send(answer(200, "one"));
    REQUIRE(rig.receives(phone, "one"));
    phone.take_received();
    first.take_received();
    SUBCASE("a repeatable command") {
        phone.send(request("Ping", kPing));
        REQUIRE(rig.receives(first, kPing));
        CHECK(rig.slot().held.size() == 1);
        first.close();
        Peer second = rig.upstream();
        REQUIRE(rig.receives(second, kPing));
        CHECK(rig.slot().held.size() == 1);
        second.send(answer(200, "two"));
        CHECK(rig.receives(phone, "two"));
        CHECK(rig.metrics().upstream_retries.value() == 1);
    }
    SUBCASE("and the new one too dies") {
        phone.send(request("Ping", kPing));
        REQUIRE(rig.receives(first, kPing));
        first.close();
        Peer second = rig.upstream();
        REQUIRE(rig.receives(second, kPing));
        second.close();
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
    }
    SUBCASE("mail is never sent twice") {
        phone.send(request("SendMail", kSendMail));
        REQUIRE(rig.receives(first, "SendMail"));
        first.close();
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
        CHECK(rig.metrics().upstream_retries.value() == 0);
    }
    SUBCASE("a device that is denied while its request is repeated") {
        phone.send(request("Ping", kPing));
        REQUIRE(rig.receives(first, kPing));
        rig.stop_mail_server();  // so that connecting takes long enough for the change
        first.close();
        rig.set_devices({eg::test::phone("PHONE1", device::State::deny)});
        rig.turn(5);
        CHECK(rig.until([&] {
            phone.receive();
            return phone.received().starts_with("HTTP/1.1 ");
        }));
        CHECK(rig.slot().held.size() == 0);
        CHECK(rig.metrics().held.value() == 0);
    }
}

TEST_CASE("a connection signed in by NTLM is its phone's own") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string type1 =
        "Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA=\r\n";
    phone.send(request("Ping", kPing, "PHONE1", type1));
    Peer first = rig.upstream();
    REQUIRE(rig.receives(first, kPing));
    first.send(answer(401, "", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"));
    REQUIRE(rig.receives(phone, "HTTP/1.1 401"));
    phone.take_received();
    first.take_received();
    CHECK(rig.service().pool().idle() == 0);
    Peer other = rig.connect();
    other.send(request("Ping", kPing, "PHONE2"));
    Peer second = rig.upstream();
    CHECK(rig.receives(second, "PHONE2"));

    SUBCASE("its next request goes the same way") {
        phone.send(request("Ping", kPing));
        CHECK(rig.receives(first, "PHONE1"));
        phone.close();
        CHECK(rig.sees_end(first));
    }
    SUBCASE("after a reload it has to sign in again, towards what is configured now") {
        rig.reload();
        phone.send(request("Ping", kPing));
        Peer third = rig.upstream();
        REQUIRE(rig.receives(third, "PHONE1"));
        CHECK(rig.sees_end(first));
        third.send(answer(200, "done", "WWW-Authenticate: NTLM abcd\r\n"));
        REQUIRE(rig.receives(phone, "done"));
        other.close();
        CHECK(rig.sees_end(second));
        third.close();
        rig.turn(5);
        phone.take_received();
        phone.send(request("Ping", kPing));
        Peer fourth = rig.upstream();
        CHECK(rig.receives(fourth, "PHONE1"));
        phone.close();
        CHECK(rig.until([&] { return rig.worker().connections() == 0; }));
        CHECK(rig.leaks() == "");
    }
}

TEST_CASE("what a mail server answers must be HTTP that can be read in one way") {
    for (const std::string_view bytes : {
             "garbage\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
             "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
             "HTTP/2 200 OK\r\n\r\n",
         }) {
        CAPTURE(bytes);
        GateRig rig;
        Peer phone = rig.connect();
        phone.send(request("FolderSync", kFolderSync));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        upstream.send(bytes);
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
        CHECK(rig.sees_end(upstream));
        CHECK(rig.ended(Reason::upstream_invalid) == 1);
    }
}

TEST_CASE("an answer that is cut off is cut off for the phone too") {
    for (const std::string_view bytes : {
             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfXX",
         }) {
        CAPTURE(bytes);
        GateRig rig;
        Peer phone = rig.connect();
        phone.send(request("FolderSync", kFolderSync));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        upstream.send(bytes);
        upstream.close();
        CHECK(rig.receives(phone, "half"));
        CHECK(rig.sees_end(phone));
        CHECK(phone.received().find("\r\n0\r\n\r\n") == std::string::npos);
        CHECK(rig.ended(Reason::upstream_invalid) == 1);
    }
}

TEST_CASE("an answer before the end of the request is passed on, then both connections end") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string bytes = request("FolderSync", std::string(kFolderSync) + "the rest");
    phone.send(bytes.substr(0, bytes.size() - 4));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kFolderSync));
    upstream.send(answer(413, "too much"));
    REQUIRE(rig.receives(phone, "too much"));
    CHECK(phone.received().find("Connection: close\r\n") != std::string::npos);
    CHECK(rig.sees_end(phone));
    CHECK(rig.sees_end(upstream));
    CHECK(rig.service().pool().idle() == 0);
}

TEST_CASE("no connection that is in doubt is used again") {
    for (const std::string_view bytes : {
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
             "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
         }) {
        CAPTURE(bytes);
        GateRig rig;
        Peer phone = rig.connect();
        phone.send(request("FolderSync", kFolderSync));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        upstream.send(bytes);
        REQUIRE(rig.receives(phone, "ok"));
        CHECK(rig.sees_end(upstream));
        CHECK(rig.service().pool().idle() == 0);
        CHECK(phone.received().find("200 OK", 15) == std::string::npos);
    }
}

TEST_CASE("Expect: 100-continue is answered by us after the verdict") {
    GateRig rig;
    Peer phone = rig.connect();
    const std::string bytes =
        request("FolderSync", kFolderSync, "PHONE1", "Expect: 100-continue\r\n");
    const std::size_t head = bytes.size() - kFolderSync.size();
    phone.send(bytes.substr(0, head));
    REQUIRE(rig.receives(phone, "HTTP/1.1 100 Continue\r\n\r\n"));
    CHECK_FALSE(rig.upstream_if_any().has_value());
    phone.send(bytes.substr(head));
    Peer upstream = rig.upstream();
    REQUIRE(rig.receives(upstream, kFolderSync));
    CHECK(upstream.received().find("Expect") == std::string::npos);
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n" + answer(200, "done"));
    REQUIRE(rig.receives(phone, "done"));
    CHECK(phone.received().find("100 Continue", 30) == std::string::npos);
}

TEST_CASE("a mail server that isn't there") {
    GateRig rig;
    Peer phone = rig.connect();
    SUBCASE("nobody listens") {
        rig.stop_mail_server();
        phone.send(request("FolderSync", kFolderSync));
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
    }
    SUBCASE("its name has no address") {
        rig.resolver().set("mail.test", {});
        phone.send(request("FolderSync", kFolderSync));
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
    }
    SUBCASE("its name isn't answered in time") {
        rig.resolver().hold();
        phone.send(request("FolderSync", kFolderSync));
        rig.turn(5);
        rig.pass(4s);
        CHECK(phone.received() == "");
        rig.pass(2s);
        CHECK(rig.receives(phone, "HTTP/1.1 502"));
        rig.stop_mail_server();
        rig.resolver().answer_all();
        rig.turn(3);
    }
    CHECK(rig.ended(Reason::upstream_unreachable) == 1);
    phone.take_received();
    phone.send("OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(rig.receives(phone, "HTTP/1.1 502"));  // the connection went on
}

TEST_CASE("time limits while bodies move") {
    GateRig rig;
    Peer phone = rig.connect();
    SUBCASE("a phone that stops in the middle of its body") {
        const std::string bytes = request("FolderSync", std::string(kFolderSync) + "the rest");
        phone.send(bytes.substr(0, bytes.size() - 4));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        rig.pass(29s);
        CHECK(phone.received() == "");
        rig.pass(2s);
        CHECK(rig.receives(phone, "HTTP/1.1 408"));
        CHECK(rig.sees_end(upstream));
        CHECK(rig.ended(Reason::client_timeout) == 1);
    }
    SUBCASE("a phone that drips") {
        const std::string bytes =
            request("FolderSync", std::string(kFolderSync) + std::string(100, 'x'));
        phone.send(bytes.substr(0, bytes.size() - 90));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        for (int i = 0; i < 10 && rig.ended(Reason::client_timeout) == 0; ++i) {
            phone.send("x");
            rig.pass(2s);
        }
        CHECK(rig.receives(phone, "HTTP/1.1 408"));
    }
    SUBCASE("a mail server that stops in the middle of its answer") {
        phone.send(request("FolderSync", kFolderSync));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        REQUIRE(rig.receives(phone, "half"));
        rig.pass(129s);
        CHECK_FALSE(phone.ended());
        rig.pass(2s);
        CHECK(rig.sees_end(phone));
        CHECK(rig.ended(Reason::upstream_silent) == 1);
    }
    SUBCASE("a phone that resets its connection while the mail server doesn't read") {
        const std::string bytes =
            request("FolderSync", std::string(kFolderSync) + std::string(40'000'000, 'x'));
        std::size_t sent = 0;
        std::size_t before = SIZE_MAX;
        while (before != sent) {
            before = sent;
            sent += phone.send(std::string_view(bytes).substr(sent));
            rig.turn(20);
        }
        REQUIRE(sent < bytes.size());
        Peer upstream = rig.upstream();
        phone.reset();
        CHECK(rig.until([&] { return rig.ended(Reason::client_left) == 1; }));
        CHECK(rig.sees_end(upstream));
    }
    SUBCASE("a phone that doesn't read") {
        phone.send(request("FolderSync", kFolderSync));
        Peer upstream = rig.upstream();
        REQUIRE(rig.receives(upstream, kFolderSync));
        const std::string bytes = answer(200, std::string(40'000'000, 'x'));
        std::size_t sent = 0;
        std::size_t before = SIZE_MAX;
        while (before != sent) {
            before = sent;
            sent += upstream.send(std::string_view(bytes).substr(sent));
            rig.turn(20);
        }
        REQUIRE(sent < bytes.size());
        rig.pass(61s);
        CHECK(rig.until([&] { return rig.ended(Reason::client_timeout) == 1; }));
        CHECK(rig.sees_end(upstream));
    }
}
