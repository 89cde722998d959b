#include "proxy/net/tls_handover.h"

#include <cstddef>
#include <optional>

#include <openssl/x509.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

// OpenSSL tells of a record when it is sealed, and of a message when it has left: that of our
// Finished comes after its record. Behind it the key is the application's (RFC 8446 7.1).
// NOLINTNEXTLINE(readability-function-size): OpenSSL's signature
void count_record(int written, int, int type, const void* bytes, std::size_t length, SSL*,
                  void* counted) {
    auto& sealed = *static_cast<std::uint64_t*>(counted);
    if (written == 0) {
        return;
    }
    if (type == SSL3_RT_HEADER) {
        ++sealed;
    } else if (type == SSL3_RT_HANDSHAKE && length != 0 &&
               *static_cast<const unsigned char*>(bytes) == SSL3_MT_FINISHED) {
        sealed = 0;
    }
}

/// How many records these bytes are; nothing if they end within one.
std::optional<std::uint64_t> count_records(std::string_view bytes) {
    std::uint64_t count = 0;
    while (bytes.size() >= kRecordHeaderBytes) {
        const std::size_t length = static_cast<unsigned char>(bytes[3]) * 256U +
                                   static_cast<unsigned char>(bytes[4]) + kRecordHeaderBytes;
        if (length > bytes.size()) {
            break;
        }
        bytes.remove_prefix(length);
        ++count;
    }
    return bytes.empty() ? std::optional(count) : std::nullopt;
}

}  // namespace

TlsHandover::TlsHandover(SSL* ssl) {
    SSL_set_read_ahead(ssl, 0);
    SSL_set_msg_callback(ssl, count_record);
    SSL_set_msg_callback_arg(ssl, &sealed_);
}

int TlsHandover::shake_hands(SSL* ssl) {
    const SecretTap tap(secrets_);
    return SSL_do_handshake(ssl);
}

std::unique_ptr<TlsRecords> TlsHandover::finish(SSL* ssl, std::string_view sealed) {
    SSL_set_msg_callback(ssl, nullptr);
    const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
    const RecordSuite* suite =
        cipher == nullptr ? nullptr : RecordSuite::find(SSL_CIPHER_get_protocol_id(cipher));
    std::unique_ptr<TlsRecords> records;
    if (suite != nullptr && SSL_version(ssl) == TLS1_3_VERSION && SSL_is_server(ssl) == 1 &&
        secrets_.client_bytes == suite->hash_bytes && secrets_.server_bytes == suite->hash_bytes &&
        SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl)) == 0 &&
        SSL_has_pending(ssl) == 0 &&
        // The client's Finished came in this call, so all that was sealed in it is behind ours. A
        // number too low would be a nonce that comes twice: it isn't left to one witness.
        count_records(sealed) == sealed_) {
        records = std::make_unique<TlsRecords>(*suite, secrets_, sealed_);
    }
    if (records == nullptr || !records->usable()) {
        SSL_set_read_ahead(ssl, 1);
        return nullptr;
    }
    // Or SSL_free would look for the session in a cache that we don't use, under a lock.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return records;
}

std::unique_ptr<TlsPeer> TlsPeer::of(SSL* ssl) {
    X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr) {
        return nullptr;
    }
    EG_CHECK(X509_up_ref(certificate) == 1);
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    if (chain != nullptr) {
        chain = X509_chain_up_ref(chain);
        EG_CHECK(chain != nullptr);  // fails for want of memory only
    }
    return std::unique_ptr<TlsPeer>(new TlsPeer(certificate, chain));
}

TlsPeer::TlsPeer(X509* certificate, STACK_OF(X509) * chain)
    : certificate_(certificate), chain_(chain) {}

TlsPeer::~TlsPeer() {
    X509_free(certificate_);
    sk_X509_pop_free(chain_, X509_free);
}

}  // namespace eg::net
