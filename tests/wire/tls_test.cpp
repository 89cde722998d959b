// TLS between two streams of ours on one loop: what passes, what is cut, who is let in.

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "certs/identity.h"
#include "tests/wire/tls_rig.h"

using namespace eg;
using namespace eg::test;
using net::IoStatus;

namespace {

/// A whole visit: handshake, and the ticket read.
bool visit(const net::TlsServerContext& context, net::TlsClientContext& client) {
    TlsPair pair(context, client.connect());
    REQUIRE(pair.shake_hands());
    const std::string_view hello = "hello";
    CHECK(pair.server->write({&hello, 1}).bytes == 5);
    IoStatus status{};
    CHECK(pair.read_all(*pair.client, status) == "hello");
    // OpenSSL never resumes what ended without a goodbye.
    pair.client->shutdown();
    pair.server->shutdown();
    return pair.server->resumed();
}

}  // namespace

TEST_CASE("a large body passes whole, however the pipe takes it, and the end is clean") {
    const Certificates certificates;
    auto records = net::RecordLayer::own;
    SUBCASE("of ours") {}
    SUBCASE("of OpenSSL") {
        records = net::RecordLayer::openssl;
    }
    const auto context = certificates.context(records);
    const auto client = certificates.client();
    TlsPair pair(*context, client->connect());
    REQUIRE(pair.shake_hands());
    std::string body(3'000'000, ' ');
    for (std::size_t i = 0; i < body.size(); ++i) {
        body[i] = static_cast<char>('a' + i % 23);
    }
    const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
    std::array<std::string_view, 4> pieces{head, "", body, "the end"};
    std::string read;
    bool waited = false;
    for (int i = 0; i < 10'000 && read.size() < head.size() + body.size() + 7; ++i) {
        const net::IoResult sent = pair.server->write(pieces);
        waited = waited || sent.status == IoStatus::again;
        REQUIRE(sent.status <= IoStatus::again);
        std::size_t left = sent.bytes;
        for (auto& piece : pieces) {
            const std::size_t gone = std::min(left, piece.size());
            piece.remove_prefix(gone);
            left -= gone;
        }
        if (sent.status == IoStatus::again || sent.bytes == 0) {
            IoStatus status{};
            read += pair.read_all(*pair.client, status);
        }
    }
    CHECK(waited);
    CHECK(read == head + body + "the end");
    pair.server->free_buffers();
    pair.server->shutdown();
    IoStatus status{};
    CHECK(pair.read_all(*pair.client, status) == "");
    CHECK(status == IoStatus::eof);
}

TEST_CASE("the goodbye comes behind what the reader hasn't taken yet") {
    const Certificates certificates;
    auto records = net::RecordLayer::own;
    SUBCASE("of ours") {}
    SUBCASE("of OpenSSL") {
        records = net::RecordLayer::openssl;
    }
    const auto context = certificates.context(records);
    const auto client = certificates.client();
    const std::string kilobyte(1'000, 'x');
    const std::string_view piece = kilobyte;
    const auto fill = [&](TlsPair& pair, int most) {
        REQUIRE(pair.shake_hands());
        int count = 0;
        while (count < most && pair.server->write({&piece, 1}).bytes == piece.size()) {
            ++count;
        }
        return count;
    };
    TlsPair measured(*context, client->connect());
    const int fits = fill(measured, 1'000'000);
    TlsPair pair(*context, client->connect());
    REQUIRE(fill(pair, fits) == fits);
    pair.loop.post([&] {
        std::array<char, 16> buffer{};
        const std::string_view question = "?";
        CHECK(pair.client->write({&question, 1}).bytes == 1);
        pair.server->socket().look_again();
        CHECK(pair.server->read(buffer).bytes == 1);
        const std::string_view tail = "tail";
        CHECK(pair.server->write({&tail, 1}).bytes == 4);
    });
    pair.loop.turn(true);
    CHECK(pair.server->socket().holds_back());
    pair.server->shutdown();
    IoStatus status{};
    const std::string read = pair.read_all(*pair.client, status);
    CHECK(read.size() == static_cast<std::size_t>(fits) * 1'000 + 4);
    CHECK(read.ends_with("tail"));
    CHECK(status == IoStatus::eof);
}

TEST_CASE("a slow reader holds two sealed records at most, not a buffer full of them") {
    const Certificates certificates;
    auto records = net::RecordLayer::own;
    SUBCASE("of ours") {}
    SUBCASE("of OpenSSL") {
        records = net::RecordLayer::openssl;
    }
    const auto context = certificates.context(records);
    const auto client = certificates.client();
    TlsPair pair(*context, client->connect());
    REQUIRE(pair.shake_hands());
    const std::string body(72'000, 'b');
    const std::string_view piece = body;
    const auto fill = [&] {
        std::size_t most = 0;
        for (int i = 0; i < 1'000; ++i) {
            const net::IoResult sent = pair.server->write({&piece, 1});
            most = std::max(most, pair.server->unsent());
            if (sent.status != IoStatus::ok && most != 0) {
                break;
            }
        }
        return most;
    };
    CHECK(fill() <= 5 * 17'000);
    constexpr std::size_t kTwoRecords = 34'000;
    std::array<char, 4'096> little;
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        // It takes some, and then no more for a while.
        for (int i = 0; i < 8; ++i) {
            pair.loop.turn(false);
            CHECK(pair.client->read(little).status != IoStatus::error);
        }
        pair.loop.turn(false);
        const std::size_t before = pair.server->unsent();
        CHECK(fill() <= std::max<std::size_t>(before, kTwoRecords));
    }
    CHECK(pair.server->unsent() <= kTwoRecords);
}

TEST_CASE("a stream that is cut off without goodbye is an error, never an end") {
    const Certificates certificates;
    auto records = net::RecordLayer::own;
    SUBCASE("of ours") {}
    SUBCASE("of OpenSSL") {
        records = net::RecordLayer::openssl;
    }
    const auto context = certificates.context(records);
    const auto client = certificates.client();
    TlsPair pair(*context, client->connect());
    REQUIRE(pair.shake_hands());
    const std::string_view half = "half";
    CHECK(pair.server->write({&half, 1}).bytes == 4);
    pair.server->socket().shutdown_write();
    IoStatus status{};
    CHECK(pair.read_all(*pair.client, status) == "half");
    CHECK(status == IoStatus::error);
    pair.client->shutdown();  // and must not touch OpenSSL any more
}

TEST_CASE("bytes that aren't TLS") {
    const Certificates certificates;
    const auto context = certificates.context(certificates.settings("one"));
    net::Loop loop;
    TlsOwner owner;
    const auto [ours, theirs] = socket_pair();
    const Peer peer(theirs);
    net::TlsStream stream(loop, ours, owner, context->accept());
    peer.send("GET / HTTP/1.1\r\n\r\n");
    loop.turn(false);
    CHECK(stream.handshake().status == IoStatus::error);
    CHECK(net::TlsStream::last_failure() == "http request");
    stream.shutdown();
}

TEST_CASE("a mail server must be who it says, by a chain to the chosen authority") {
    const Certificates certificates;
    const Certificates others;
    const auto context = certificates.context(certificates.settings("one"));
    SUBCASE("another name") {
        const auto client = certificates.client("other.example.com");
        TlsPair pair(*context, client->connect());
        CHECK_FALSE(pair.shake_hands());
        CHECK(pair.client_said == IoStatus::error);
    }
    SUBCASE("another authority") {
        const auto client = others.client();
        TlsPair pair(*context, client->connect());
        CHECK_FALSE(pair.shake_hands());
        CHECK(pair.client_said == IoStatus::error);
    }
    SUBCASE("nobody verifies") {
        auto client = net::TlsClientContext::make(
            {.host = "other.example.com", .ca_file = "", .verify = false, .alpn = ""});
        TlsPair pair(*context, (*client)->connect());
        CHECK(pair.shake_hands());
    }
    SUBCASE("an application that isn't HTTP/1.1") {
        const auto client = certificates.client("mail.example.com", "h2");
        TlsPair pair(*context, client->connect());
        CHECK_FALSE(pair.shake_hands());
    }
    SUBCASE("HTTP/1.1 by name") {
        const auto client = certificates.client("mail.example.com", "http/1.1");
        TlsPair pair(*context, client->connect());
        CHECK(pair.shake_hands());
    }
}

TEST_CASE("tickets: resumed where they were given, worth nothing at another instance") {
    const Certificates certificates;
    const auto first = certificates.context(certificates.settings("one"));
    const auto second = certificates.context(certificates.settings("two"));
    const auto client = certificates.client();
    CHECK_FALSE(visit(*first, *client));
    CHECK(visit(*first, *client));
    CHECK_FALSE(visit(*second, *client));
    CHECK(visit(*second, *client));
}

/// A client of OpenSSL that uses each ticket once.
struct TicketClient {
    TicketClient() : context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
        SSL_CTX_set_app_data(context.get(), &ticket);
        SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* fresh) {
            auto** newest = static_cast<SSL_SESSION**>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
            SSL_SESSION_free(*newest);
            *newest = fresh;
            return 1;
        });
    }
    ~TicketClient() { SSL_SESSION_free(ticket); }
    TicketClient(const TicketClient&) = delete;
    TicketClient& operator=(const TicketClient&) = delete;

    net::SslPtr connect() {
        net::SslPtr ssl(SSL_new(context.get()));
        SSL_set_connect_state(ssl.get());
        if (ticket != nullptr) {
            SSL_set_session(ssl.get(), ticket);
            SSL_SESSION_free(std::exchange(ticket, nullptr));
        }
        return ssl;
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context;
    SSL_SESSION* ticket = nullptr;
};

TEST_CASE("tickets: a resumed session gets a new one, since a client uses each once") {
    const Certificates certificates;
    const auto context = certificates.context(certificates.settings("one"));
    TicketClient client;
    for (int count = 0; count < 4; ++count) {
        CAPTURE(count);
        TlsPair pair(*context, client.connect());
        REQUIRE(pair.shake_hands());
        const std::string_view hello = "hello";
        CHECK(pair.server->write({&hello, 1}).bytes == 5);
        IoStatus status{};
        CHECK(pair.read_all(*pair.client, status) == "hello");
        pair.client->shutdown();
        CHECK(pair.server->resumed() == (count != 0));
        CHECK(client.ticket != nullptr);
    }
}

TEST_CASE("tickets: leave with the first answer, or when nothing is at hand to go with them") {
    const Certificates certificates;
    const auto context = certificates.context(certificates.settings("one"));
    for (const bool parks : {false, true}) {
        CAPTURE(parks);
        TicketClient client;
        TlsPair pair(*context, client.connect());
        REQUIRE(pair.shake_hands());
        IoStatus status{};
        CHECK(pair.read_all(*pair.client, status).empty());
        CHECK(client.ticket == nullptr);
        std::array<char, 16> nothing;
        if (parks) {
            pair.server->free_buffers();
        } else {
            CHECK(pair.server->read(nothing).status == IoStatus::again);
        }
        CHECK(pair.read_all(*pair.client, status).empty());
        CHECK(client.ticket != nullptr);
    }
}

TEST_CASE("tickets of a key file: shared by nodes, not by instances") {
    const Certificates certificates;
    auto settings = certificates.settings("one");
    settings.ticket_keys = Secret(std::string(160, 'k'));
    const auto here = certificates.context(settings);
    const auto there = certificates.context(settings);
    settings.name = "two";
    const auto other = certificates.context(settings);
    const auto client = certificates.client();
    CHECK_FALSE(visit(*here, *client));
    CHECK(visit(*there, *client));
    CHECK_FALSE(visit(*other, *client));
}

TEST_CASE("client certificates: asked for, of the chosen authority only, never resumed") {
    const Certificates certificates;
    auto store = certs::load_authorities(certificates.ca_file, "");
    REQUIRE(store.has_value());
    auto settings = certificates.settings("one");
    settings.client_authorities = store->get();
    const auto context = certificates.context(settings);
    CHECK(context->asks_for_certificate());
    const auto client = certificates.client();
    const auto visit_with = [&](const Made* phone) {
        auto ssl = client->connect();
        if (phone != nullptr) {
            REQUIRE(SSL_use_certificate(ssl.get(), phone->certificate.get()) == 1);
            REQUIRE(SSL_use_PrivateKey(ssl.get(), phone->key.get()) == 1);
        }
        TlsPair pair(*context, std::move(ssl));
        pair.shake_hands();
        CHECK_FALSE(pair.server->resumed());
        if (pair.server_said != IoStatus::ok) {
            return std::string("refused");
        }
        bool odd = false;
        const auto names = certs::mail_addresses(pair.server->certificate(), odd);
        return names.empty() ? std::string() : names.front();
    };
    const Made phone =
        make({.name = "phone", .mail = {"alice@corp.example"}}, &certificates.authority);
    const Made stranger_authority = make({.name = "Other", .authority = true});
    const Made stranger = make({.name = "phone"}, &stranger_authority);
    CHECK(visit_with(nullptr) == "refused");
    CHECK(visit_with(&stranger) == "refused");
    CHECK(visit_with(&phone) == "alice@corp.example");
    CHECK(visit_with(&phone) == "alice@corp.example");
    CHECK(visit_with(nullptr) == "refused");

    // A session made where no certificate was asked for opens nothing here.
    const auto open = certificates.context(certificates.settings("open"));
    CHECK_FALSE(visit(*open, *client));
    CHECK(visit_with(nullptr) == "refused");
}

TEST_CASE("only TLS 1.3 where that is asked for") {
    const Certificates certificates;
    auto settings = certificates.settings("one");
    settings.tls13_only = true;
    const auto strict = certificates.context(settings);
    const auto usual = certificates.context(certificates.settings("one"));
    const auto client = certificates.client();
    for (const auto* context : {strict.get(), usual.get()}) {
        auto ssl = client->connect();
        SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
        TlsPair pair(*context, std::move(ssl));
        CHECK(pair.shake_hands() == (context == usual.get()));
    }
}
