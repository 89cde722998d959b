#include "proxy/net/traffic_secrets.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "proxy/net/tls_context.h"
#include "tests/unit/certs/maker.h"

using namespace eg::net;

namespace {

using Bytes = std::vector<unsigned char>;

struct SessionFree {
    void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
struct KdfFree {
    void operator()(EVP_KDF* p) const { EVP_KDF_free(p); }
};
struct KdfContextFree {
    void operator()(EVP_KDF_CTX* p) const { EVP_KDF_CTX_free(p); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SessionFree>;
using KdfPtr = std::unique_ptr<EVP_KDF, KdfFree>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, KdfContextFree>;

/// Label of a key log, and the secret.
using KeyLog = std::map<std::string, Bytes>;

void on_key_log(const SSL* ssl, const char* line) {
    // "LABEL random secret", the last two in hexadecimal digits.
    const std::string text = line;
    const std::size_t first = text.find(' ');
    const std::size_t second = text.find(' ', first + 1);
    Bytes secret;
    for (std::size_t at = second + 1; at + 1 < text.size(); at += 2) {
        secret.push_back(static_cast<unsigned char>(std::stoi(text.substr(at, 2), nullptr, 16)));
    }
    auto* log = static_cast<KeyLog*>(SSL_get_app_data(ssl));
    (*log)[text.substr(0, first)] = secret;
}

int count_hello(SSL*, int*, void* count) {
    ++*static_cast<int*>(count);
    return SSL_CLIENT_HELLO_SUCCESS;
}

/// A server that is tapped or not, and an ordinary client, both without any settings of ours.
struct Ends {
    SslContextPtr server;
    SslContextPtr client{SSL_CTX_new(TLS_client_method())};
    int hellos = 0;

    explicit Ends(const char* properties)
        : server(SSL_CTX_new_ex(nullptr, properties, TLS_server_method())) {
        REQUIRE(server != nullptr);
        REQUIRE(client != nullptr);
        const Made made = make({.name = "mail.example.com"});
        REQUIRE(SSL_CTX_use_certificate(server.get(), made.certificate.get()) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(server.get(), made.key.get()) == 1);
        SSL_CTX_set1_groups_list(server.get(), "X25519:P-256");
        SSL_CTX_set_client_hello_cb(server.get(), count_hello, &hellos);
        SSL_CTX_set_keylog_callback(client.get(), on_key_log);
    }
};

/// One connection in memory.
struct Connection {
    SslPtr server;
    SslPtr client;
    KeyLog log;

    Connection(const Ends& ends, SSL_SESSION* session)
        : server(SSL_new(ends.server.get())), client(SSL_new(ends.client.get())) {
        BIO* near = nullptr;
        BIO* far = nullptr;
        REQUIRE(BIO_new_bio_pair(&near, 0, &far, 0) == 1);
        SSL_set_bio(server.get(), near, near);
        SSL_set_bio(client.get(), far, far);
        SSL_set_accept_state(server.get());
        SSL_set_connect_state(client.get());
        SSL_set_app_data(client.get(), &log);
        if (session != nullptr) {
            SSL_set_session(client.get(), session);
        }
    }
    /// `secrets` hears the server only, or nothing where it is null.
    bool shake_hands(TrafficSecrets* secrets) {
        bool done = false;
        for (int i = 0; i < 10 && !done; ++i) {
            done = SSL_do_handshake(client.get()) == 1;
            if (secrets == nullptr) {
                done = SSL_do_handshake(server.get()) == 1 && done;
            } else {
                const SecretTap tap(*secrets);
                done = SSL_do_handshake(server.get()) == 1 && done;
            }
        }
        return done;
    }
    /// The client reads the ticket, and both say goodbye.
    SessionPtr finish() {
        char byte = 0;
        SSL_read(client.get(), &byte, 1);
        SessionPtr session(SSL_get1_session(client.get()));
        SSL_shutdown(client.get());
        SSL_shutdown(server.get());
        return session;
    }
};

Bytes client_of(const TrafficSecrets& secrets) {
    return {secrets.client.data(), secrets.client.data() + secrets.client_bytes};
}

Bytes server_of(const TrafficSecrets& secrets) {
    return {secrets.server.data(), secrets.server.data() + secrets.server_bytes};
}

void check_heard(Connection& connection, std::size_t bytes) {
    TrafficSecrets secrets;
    REQUIRE(connection.shake_hands(&secrets));
    REQUIRE(secrets.client_bytes == bytes);
    REQUIRE(secrets.server_bytes == bytes);
    CHECK((client_of(secrets) == connection.log["CLIENT_TRAFFIC_SECRET_0"]));
    CHECK((server_of(secrets) == connection.log["SERVER_TRAFFIC_SECRET_0"]));
}

void check_nothing_heard(Connection& connection) {
    TrafficSecrets secrets;
    REQUIRE(connection.shake_hands(&secrets));
    CHECK(secrets.client_bytes == 0);
    CHECK(secrets.server_bytes == 0);
}

/// What derives a secret of SHA-256 with `label`; `named`: the mode as a string.
struct Derivation {
    KdfContextPtr context;
    std::string label;
    std::string mode = "EXPAND_ONLY";
    int mode_number = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    std::string digest = "SHA256";
    std::string prefix = "tls13 ";
    std::array<unsigned char, 32> key{1, 2, 3};
    std::array<OSSL_PARAM, 6> parameters{};

    Derivation(const char* properties, std::string its_label, bool named)
        : label(std::move(its_label)) {
        const KdfPtr kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, properties));
        REQUIRE(kdf != nullptr);
        context.reset(EVP_KDF_CTX_new(kdf.get()));
        REQUIRE(context != nullptr);
        parameters = {
            named ? OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, mode.data(), 0)
                  : OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode_number),
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
            OSSL_PARAM_construct_end()};
    }
    /// Empty if it fails.
    [[nodiscard]] Bytes derive(const OSSL_PARAM* last_parameters) const {
        Bytes out(32);
        const bool derived =
            EVP_KDF_derive(context.get(), out.data(), out.size(), last_parameters) == 1;
        return derived ? out : Bytes{};
    }
};

}  // namespace

TEST_CASE("both secrets of a full handshake are heard, whatever the hash") {
    REQUIRE(tapped_properties() != nullptr);
    struct Row {
        const char* suite;
        std::size_t bytes;
    };
    for (const Row row : {Row{"TLS_AES_128_GCM_SHA256", 32}, Row{"TLS_AES_256_GCM_SHA384", 48},
                          Row{"TLS_CHACHA20_POLY1305_SHA256", 32}}) {
        CAPTURE(row.suite);
        const Ends ends(tapped_properties());
        SSL_CTX_set_ciphersuites(ends.client.get(), row.suite);
        Connection connection(ends, nullptr);
        check_heard(connection, row.bytes);
        CHECK(SSL_version(connection.server.get()) == TLS1_3_VERSION);
        CHECK(ends.hellos == 1);
    }
}

TEST_CASE("a resumed handshake has secrets of its own, and they are heard") {
    const Ends ends(tapped_properties());
    Connection first(ends, nullptr);
    check_heard(first, 48);
    const SessionPtr session = first.finish();
    Connection second(ends, session.get());
    check_heard(second, 48);
    CHECK(SSL_session_reused(second.server.get()) == 1);
    CHECK(first.log["SERVER_TRAFFIC_SECRET_0"] != second.log["SERVER_TRAFFIC_SECRET_0"]);
}

TEST_CASE("secrets are heard after a HelloRetryRequest") {
    const Ends ends(tapped_properties());
    SSL_CTX_set1_groups_list(ends.client.get(), "P-521:P-256");
    Connection connection(ends, nullptr);
    check_heard(connection, 48);
    CHECK(ends.hellos == 2);
}

TEST_CASE("TLS 1.2 has no such secrets") {
    const Ends ends(tapped_properties());
    SSL_CTX_set_max_proto_version(ends.client.get(), TLS1_2_VERSION);
    Connection connection(ends, nullptr);
    check_nothing_heard(connection);
    CHECK(SSL_version(connection.server.get()) == TLS1_2_VERSION);
}

TEST_CASE("without a tap, or without the properties, handshakes are what they were") {
    const Ends tapped(tapped_properties());
    Connection unheard(tapped, nullptr);
    CHECK(unheard.shake_hands(nullptr));
    const Ends ordinary(nullptr);
    Connection deaf(ordinary, nullptr);
    check_nothing_heard(deaf);
}

TEST_CASE("a client is not heard, and its secrets don't change what was") {
    const Ends ends(tapped_properties());
    Connection connection(ends, nullptr);
    TrafficSecrets secrets;
    const SecretTap tap(secrets);
    SSL_do_handshake(connection.client.get());
    SSL_do_handshake(connection.server.get());
    CHECK(secrets.server_bytes == 48);
    CHECK(secrets.client_bytes == 0);
    REQUIRE(SSL_do_handshake(connection.client.get()) == 1);
    CHECK(secrets.client_bytes == 0);
    REQUIRE(SSL_do_handshake(connection.server.get()) == 1);
    CHECK(secrets.client_bytes == 48);
}

TEST_CASE("a tap hears its own thread only, and hundreds of handshakes of others don't disturb") {
    const auto work = [] {
        const Ends ends(tapped_properties());
        for (int i = 0; i < 50; ++i) {
            Connection connection(ends, nullptr);
            TrafficSecrets secrets;
            if (!connection.shake_hands(&secrets) ||
                client_of(secrets) != connection.log["CLIENT_TRAFFIC_SECRET_0"] ||
                server_of(secrets) != connection.log["SERVER_TRAFFIC_SECRET_0"]) {
                return false;
            }
        }
        return true;
    };
    std::array<bool, 3> well{};
    TrafficSecrets unused;
    {
        const SecretTap tap(unused);
        std::vector<std::thread> threads;
        threads.reserve(well.size());
        for (bool& result : well) {
            threads.emplace_back([&] { result = work(); });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    CHECK((well == std::array{true, true, true}));
    CHECK(unused.client_bytes == 0);
    CHECK(unused.server_bytes == 0);
}

TEST_CASE("the KDF derives what OpenSSL's does, however it gets its parameters") {
    REQUIRE(tapped_properties() != nullptr);
    for (const bool named : {false, true}) {
        CAPTURE(named);
        const Derivation expected("provider=default", "c ap traffic", named);
        const Derivation ours("provider=easgate", "c ap traffic", named);
        const Bytes secret = expected.derive(expected.parameters.data());
        REQUIRE(secret.size() == 32);
        TrafficSecrets secrets;
        const SecretTap tap(secrets);
        CHECK((ours.derive(ours.parameters.data()) == secret));
        // libssl gives the mode as a number, and all in one call: that is heard, and no more.
        CHECK((client_of(secrets) == (named ? Bytes{} : secret)));

        secrets.client_bytes = 0;
        EVP_KDF_CTX_reset(ours.context.get());
        CHECK(ours.derive(nullptr).empty());
        CHECK(secrets.client_bytes == 0);
        REQUIRE(EVP_KDF_CTX_set_params(ours.context.get(), ours.parameters.data()) == 1);
        CHECK((ours.derive(nullptr) == secret));
        CHECK(secrets.client_bytes == 0);
        CHECK(secrets.server_bytes == 0);
        CHECK(EVP_KDF_CTX_get_kdf_size(ours.context.get()) ==
              EVP_KDF_CTX_get_kdf_size(expected.context.get()));
        // OpenSSL 3.0 can't duplicate its own.
        const KdfContextPtr copy(EVP_KDF_CTX_dup(ours.context.get()));
        const KdfContextPtr expected_copy(EVP_KDF_CTX_dup(expected.context.get()));
        CHECK((copy == nullptr) == (expected_copy == nullptr));
    }
}

TEST_CASE("other labels, other modes and failures aren't heard") {
    REQUIRE(tapped_properties() != nullptr);
    TrafficSecrets secrets;
    const SecretTap tap(secrets);
    for (const char* label : {"c hs traffic", "s ap traffic ", "s ap traffi", "key", ""}) {
        CAPTURE(label);
        const Derivation other("provider=easgate", label, false);
        CHECK_FALSE(other.derive(other.parameters.data()).empty());
    }
    Derivation extracts("provider=easgate", "c ap traffic", false);
    extracts.mode_number = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    CHECK_FALSE(extracts.derive(extracts.parameters.data()).empty());
    Derivation fails("provider=easgate", "s ap traffic", false);
    fails.digest[0] = 'X';
    CHECK(fails.derive(fails.parameters.data()).empty());
    CHECK(secrets.client_bytes == 0);
    CHECK(secrets.server_bytes == 0);
}
