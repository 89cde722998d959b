/// What TLS connections of one kind share: certificate, authorities, tickets, versions. Immutable
/// once made; may be used from any thread.
#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "proxy/base/secret.h"
#include "proxy/net/tls_stream.h"

namespace eg::net {

struct SslContextFree {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;

struct TlsServerSettings {
    X509* certificate = nullptr;  // used, not owned
    EVP_PKEY* key = nullptr;      // used, not owned
    std::vector<X509*> chain;     // used, not owned
    X509_STORE* client_authorities =
        nullptr;  // null: no client certificate is asked for; else required
    /// Ask for a client certificate, take any or none: the program looks its key up itself (the
    /// companion). The handshake still proves that the client holds the key.
    bool any_client_certificate = false;
    bool tls13_only = false;
    RecordLayer records = RecordLayer::own;  // where OpenSSL lets us
    std::string name;    // of the instance: a ticket of one is worth nothing at another
    Secret ticket_keys;  // n x 80 bytes as in the file, "" = random ones that rotate
};

class TicketKeys;

/// Accepts TLS 1.2 and 1.3 with forward secrecy and AEAD only, ALPN http/1.1, no renegotiation, no
/// compression, no early data. Where client certificates are asked for, nothing is ever resumed:
/// each connection proves its key, and revocation counts at once.
class TlsServerContext {
  public:
    /// Errors: a sentence for administrators.
    [[nodiscard]] static std::expected<std::shared_ptr<TlsServerContext>, std::string> make(
        const TlsServerSettings& settings);
    ~TlsServerContext();

    [[nodiscard]] SslPtr accept() const;
    /// For the TlsStream over what accept() made.
    [[nodiscard]] RecordLayer records() const { return records_; }
    [[nodiscard]] bool asks_for_certificate() const { return asks_for_certificate_; }

  private:
    TlsServerContext();
    SslContextPtr context_;
    std::unique_ptr<TicketKeys> tickets_;
    RecordLayer records_ = RecordLayer::openssl;
    bool asks_for_certificate_ = false;
};

struct TlsClientSettings {
    std::string host;     // verified: DNS name or address
    std::string ca_file;  // "" = the system's
    bool verify = true;
    std::string alpn;  // "" = none offered
};

/// Connects with verification of name and chain, TLS 1.2 and 1.3. Keeps the newest session of the
/// peer for resumption; make one for each worker.
class TlsClientContext {
  public:
    [[nodiscard]] static std::expected<std::unique_ptr<TlsClientContext>, std::string> make(
        const TlsClientSettings& settings);
    ~TlsClientContext();

    [[nodiscard]] SslPtr connect();

  private:
    TlsClientContext() = default;
    static int on_session(SSL* ssl, SSL_SESSION* fresh);
    TlsClientSettings settings_;
    SslContextPtr context_;
    SSL_SESSION* newest_ = nullptr;
};

}  // namespace eg::net
