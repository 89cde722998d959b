// From OpenSSL's handshake to records of ours, with OpenSSL as the peer: who goes over, that no
// byte between is lost or taken twice, and what a client may do to its keys afterwards.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "certs/identity.h"
#include "tests/wire/tls_rig.h"

using namespace eg;
using namespace eg::test;
using net::IoStatus;
using net::RecordLayer;

namespace {

/// A server of ours, and an OpenSSL whose bytes go through the hands of the test.
struct Cut {
    net::Loop loop;
    TlsOwner owner;
    std::unique_ptr<net::TlsStream> server;
    Peer wire;
    net::SslPtr ssl;
    BIO* in = BIO_new(BIO_s_mem());   // owned by ssl
    BIO* out = BIO_new(BIO_s_mem());  // owned by ssl

    Cut(const net::TlsServerContext& context, net::SslPtr client) : ssl(std::move(client)) {
        const auto [ours, theirs] = socket_pair();
        server = std::make_unique<net::TlsStream>(loop, ours, owner, context.accept(),
                                                  context.records());
        wire = Peer(theirs);
        SSL_set_bio(ssl.get(), in, out);
    }
    /// What OpenSSL has to say.
    std::string speak() {
        std::array<char, 40'000> bytes;
        const int count = BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
        return {bytes.data(), static_cast<std::size_t>(std::max(count, 0))};
    }
    /// What the server has sent goes to OpenSSL.
    void hear() {
        std::array<char, 40'000> bytes;
        ssize_t count = 0;
        while ((count = ::recv(wire.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
            BIO_write(in, bytes.data(), static_cast<int>(count));
        }
    }
    std::string read() {
        std::string text;
        std::array<char, 40'000> bytes;
        int count = 0;
        hear();
        while ((count = SSL_read(ssl.get(), bytes.data(), static_cast<int>(bytes.size()))) > 0) {
            text.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return text;
    }
    IoStatus shake() {
        loop.turn(false);
        return server->handshake().status;
    }
    /// Until the client has sealed its Finished; that isn't sent yet.
    void shake_until_finished() {
        SSL_do_handshake(ssl.get());
        wire.send(speak());
        REQUIRE(shake() == IoStatus::again);
        hear();
        REQUIRE(SSL_do_handshake(ssl.get()) == 1);
    }
    void write(std::string_view text) {
        REQUIRE(SSL_write(ssl.get(), text.data(), static_cast<int>(text.size())) ==
                static_cast<int>(text.size()));
    }
    void answer(std::string_view text) {
        CHECK(server->write({&text, 1}).bytes == text.size());
        loop.turn(false);
    }
    /// What the server reads of what is there, then how that ended.
    std::string take(IoStatus& status) {
        std::string text;
        std::array<char, 5'000> room;
        for (;;) {
            loop.turn(false);
            const net::IoResult got = server->read(room);
            status = got.status;
            if (got.status != IoStatus::ok) {
                return text;
            }
            text.append(room.data(), got.bytes);
        }
    }
};

std::string pattern(std::size_t bytes) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) {
        text[i] = static_cast<char>('a' + i % 23);
    }
    return text;
}

/// Why the server ended the connection, as OpenSSL heard it: an alert's description, or -1.
int alert_heard(SSL* ssl) {
    int heard = -1;
    SSL_set_info_callback(ssl, nullptr);
    SSL_set_msg_callback(ssl, [](int written, int, int type, const void* bytes, std::size_t length,
                                 SSL*, void* into) {
        if (written == 0 && type == SSL3_RT_ALERT && length == 2) {
            *static_cast<int*>(into) = static_cast<const unsigned char*>(bytes)[1];
        }
    });
    SSL_set_msg_callback_arg(ssl, &heard);
    char byte = 0;
    SSL_read(ssl, &byte, 1);
    SSL_set_msg_callback(ssl, nullptr);
    return heard;
}

}  // namespace

TEST_CASE("records of ours: each suite, both ways, small and large") {
    const Certificates certificates;
    const auto context = certificates.context(RecordLayer::own);
    REQUIRE(context->records() == RecordLayer::own);
    const auto client = certificates.client();
    for (const char* suite :
         {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
        CAPTURE(suite);
        auto ssl = client->connect();
        REQUIRE(SSL_set_ciphersuites(ssl.get(), suite) == 1);
        TlsPair pair(*context, std::move(ssl));
        REQUIRE(pair.shake_hands());
        CHECK(pair.server->has_own_records());
        const std::string large = pattern(700'000);
        for (int i = 0; i < 3; ++i) {
            CHECK(pair.send(*pair.client, *pair.server, "question") == "question");
            CHECK(pair.send(*pair.server, *pair.client, "answer") == "answer");
            pair.server->free_buffers();
            CHECK((pair.send(*pair.client, *pair.server, large) == large));
            CHECK((pair.send(*pair.server, *pair.client, large) == large));
        }
    }
}

TEST_CASE("records of ours: not for TLS 1.2, small fragments, or where OpenSSL's are wanted") {
    const Certificates certificates;
    const auto client = certificates.client();
    auto ssl = client->connect();
    auto wanted = RecordLayer::own;
    SUBCASE("TLS 1.2") {
        SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
    }
    SUBCASE("max_fragment_length") {
        REQUIRE(SSL_set_tlsext_max_fragment_length(ssl.get(), TLSEXT_max_fragment_length_512) == 1);
    }
    SUBCASE("by configuration") {
        wanted = RecordLayer::openssl;
    }
    const auto context = certificates.context(wanted);
    TlsPair pair(*context, std::move(ssl));
    REQUIRE(pair.shake_hands());
    CHECK_FALSE(pair.server->has_own_records());
    const std::string large = pattern(100'000);
    CHECK((pair.send(*pair.client, *pair.server, large) == large));
    CHECK((pair.send(*pair.server, *pair.client, large) == large));
    pair.server->shutdown();
    IoStatus status{};
    CHECK(pair.read_all(*pair.client, status).empty());
    CHECK(status == IoStatus::eof);
}

TEST_CASE("records of ours: what comes together with the Finished, cut anywhere") {
    const Certificates certificates;
    const auto client = certificates.client();
    bool tls12 = false;
    SUBCASE("TLS 1.3") {}
    SUBCASE("TLS 1.2, whose first flight is cut") {
        tls12 = true;
    }
    const auto context = certificates.context(RecordLayer::own);
    for (std::size_t cut = 0, length = 1; cut < length; cut += tls12 ? 7 : 1) {
        CAPTURE(cut);
        auto ssl = client->connect();
        if (tls12) {
            SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
            SSL_set_session(ssl.get(), nullptr);
        }
        Cut rig(*context, std::move(ssl));
        std::string flight;
        if (tls12) {
            SSL_do_handshake(rig.ssl.get());
            flight = rig.speak();
        } else {
            rig.shake_until_finished();
            rig.write("first");
            rig.write("second");
            flight = rig.speak();
        }
        length = flight.size();
        rig.wire.send(std::string_view(flight).substr(0, cut));
        IoStatus status = rig.shake();
        rig.wire.send(std::string_view(flight).substr(cut));
        if (status == IoStatus::again) {
            status = rig.shake();
        }
        if (tls12) {
            rig.hear();
            SSL_do_handshake(rig.ssl.get());
            rig.wire.send(rig.speak());
            status = rig.shake();
            rig.hear();
            REQUIRE(SSL_do_handshake(rig.ssl.get()) == 1);
            rig.write("first");
            rig.write("second");
            rig.wire.send(rig.speak());
        }
        REQUIRE(status == IoStatus::ok);
        CHECK(rig.server->has_own_records() != tls12);
        CHECK(rig.take(status) == "firstsecond");
        CHECK(status == IoStatus::again);
        rig.answer("answer");
        CHECK(rig.read() == "answer");
    }
}

TEST_CASE("records of ours: behind a HelloRetryRequest") {
    const Certificates certificates;
    const auto context = certificates.context(RecordLayer::own);
    const auto client = certificates.client();
    auto ssl = client->connect();
    REQUIRE(SSL_set1_groups_list(ssl.get(), "P-521:P-256") == 1);
    TlsPair pair(*context, std::move(ssl));
    REQUIRE(pair.shake_hands());
    CHECK(pair.server->has_own_records());
    CHECK(pair.send(*pair.client, *pair.server, "question") == "question");
    CHECK(pair.send(*pair.server, *pair.client, "answer") == "answer");
}

TEST_CASE("records of ours: without a ticket, and the client's certificate stays") {
    const Certificates certificates;
    auto store = certs::load_authorities(certificates.ca_file, "");
    REQUIRE(store.has_value());
    auto settings = certificates.settings("one");
    settings.client_authorities = store->get();
    const auto context = certificates.context(settings);
    const Made phone =
        make({.name = "phone", .mail = {"alice@corp.example"}}, &certificates.authority);
    const auto client = certificates.client();
    auto ssl = client->connect();
    REQUIRE(SSL_use_certificate(ssl.get(), phone.certificate.get()) == 1);
    REQUIRE(SSL_use_PrivateKey(ssl.get(), phone.key.get()) == 1);
    REQUIRE(SSL_add1_chain_cert(ssl.get(), certificates.authority.certificate.get()) == 1);
    TlsPair pair(*context, std::move(ssl));
    REQUIRE(pair.shake_hands());
    CHECK(pair.server->has_own_records());
    CHECK(pair.send(*pair.server, *pair.client, "answer") == "answer");
    CHECK(pair.send(*pair.client, *pair.server, "question") == "question");
    CHECK(X509_cmp(pair.server->certificate(), phone.certificate.get()) == 0);
    REQUIRE(sk_X509_num(pair.server->certificate_chain()) == 1);
    CHECK(X509_cmp(sk_X509_value(pair.server->certificate_chain(), 0),
                   certificates.authority.certificate.get()) == 0);
}

TEST_CASE("records of ours: the client may change keys, within reason") {
    const Certificates certificates;
    const auto context = certificates.context(RecordLayer::own);
    const auto client = certificates.client();
    Cut rig(*context, client->connect());
    rig.shake_until_finished();
    rig.wire.send(rig.speak());
    REQUIRE(rig.shake() == IoStatus::ok);
    IoStatus status{};
    const auto update = [&](int kind) {
        REQUIRE(SSL_key_update(rig.ssl.get(), kind) == 1);
        REQUIRE(SSL_do_handshake(rig.ssl.get()) == 1);
        rig.wire.send(rig.speak());
    };
    for (int i = 0; i < 100; ++i) {
        CAPTURE(i);
        update(i % 3 == 0 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED);
        rig.write("question");
        rig.wire.send(rig.speak());
        CHECK(rig.take(status) == "question");
        CHECK(status == IoStatus::again);
        if (i % 2 == 0) {
            rig.answer("answer");
            CHECK(rig.read() == "answer");
        }
    }
    for (int i = 0; i < 33; ++i) {
        update(SSL_KEY_UPDATE_NOT_REQUESTED);
    }
    CHECK(rig.take(status).empty());
    CHECK(status == IoStatus::error);
    rig.hear();
    CHECK(alert_heard(rig.ssl.get()) == SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_CASE("records of ours: what isn't authentic ends the connection, and the client learns why") {
    const Certificates certificates;
    const auto context = certificates.context(RecordLayer::own);
    const auto client = certificates.client();
    struct Row {
        std::size_t at;
        int alert;
    };
    for (const Row row : {Row{0, SSL_AD_UNEXPECTED_MESSAGE}, Row{1, SSL_AD_UNEXPECTED_MESSAGE},
                          Row{3, SSL_AD_RECORD_OVERFLOW}, Row{5, SSL_AD_BAD_RECORD_MAC},
                          Row{40, SSL_AD_BAD_RECORD_MAC}}) {
        CAPTURE(row.at);
        Cut rig(*context, client->connect());
        rig.shake_until_finished();
        rig.wire.send(rig.speak());
        REQUIRE(rig.shake() == IoStatus::ok);
        rig.write("this is good");
        rig.wire.send(rig.speak());
        rig.write("and this comes to harm on its way");
        std::string harmed = rig.speak();
        harmed[row.at] = static_cast<char>(harmed[row.at] ^ 0x80);
        rig.wire.send(harmed);
        IoStatus status{};
        CHECK(rig.take(status) == "this is good");
        CHECK(status == IoStatus::error);
        CHECK(rig.take(status).empty());
        CHECK(status == IoStatus::error);
        const std::string_view late = "late";
        CHECK(rig.server->write({&late, 1}).status == IoStatus::error);
        rig.hear();
        CHECK(alert_heard(rig.ssl.get()) == row.alert);
        rig.server->shutdown();
    }
}

TEST_CASE("records of ours: the goodbye of either side, and an end without one") {
    const Certificates certificates;
    const auto context = certificates.context(RecordLayer::own);
    const auto client = certificates.client();
    Cut rig(*context, client->connect());
    rig.shake_until_finished();
    rig.wire.send(rig.speak());
    REQUIRE(rig.shake() == IoStatus::ok);
    IoStatus status{};
    rig.write("last words");
    SUBCASE("the client's") {
        SSL_shutdown(rig.ssl.get());
        rig.wire.send(rig.speak());
        CHECK(rig.take(status) == "last words");
        CHECK(status == IoStatus::eof);
        rig.answer("the answer all the same");
        CHECK(rig.read() == "the answer all the same");
        rig.server->shutdown();
        CHECK(rig.read().empty());
        CHECK(SSL_get_shutdown(rig.ssl.get()) == (SSL_RECEIVED_SHUTDOWN | SSL_SENT_SHUTDOWN));
    }
    SUBCASE("none, between two records or within one") {
        const bool within = true;
        for (const bool inside : {!within, within}) {
            CAPTURE(inside);
            if (inside) {
                rig.write("more");
            }
            std::string words = rig.speak();
            rig.wire.send(std::string_view(words).substr(0, words.size() - (inside ? 3 : 0)));
            if (!inside) {
                CHECK(rig.take(status) == "last words");
                CHECK(status == IoStatus::again);
            }
        }
        rig.wire.half_close();
        CHECK(rig.take(status).empty());
        CHECK(status == IoStatus::error);
        rig.server->shutdown();
    }
}
