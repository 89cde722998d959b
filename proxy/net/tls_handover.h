/// The way from OpenSSL's handshake to records of ours.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <openssl/ssl.h>

#include "proxy/net/tls_records.h"
#include "proxy/net/traffic_secrets.h"

namespace eg::net {

/// Listens to the handshake of one server, whose SSL_CTX has tapped_properties(). Outlives it, or
/// the SSL.
class TlsHandover {
  public:
    /// From here on OpenSSL reads no byte more than it needs: what comes behind the client's
    /// Finished isn't for it.
    explicit TlsHandover(SSL* ssl);
    TlsHandover(const TlsHandover&) = delete;
    TlsHandover& operator=(const TlsHandover&) = delete;

    /// SSL_do_handshake().
    int shake_hands(SSL* ssl);
    /// After the handshake: its records, and `ssl` is only to be freed. Null if that can't be (TLS
    /// 1.2, a client that wants small records, an OpenSSL that tells nothing): then `ssl` goes on
    /// as ever. `sealed`: the bytes that the last shake_hands() sealed.
    [[nodiscard]] std::unique_ptr<TlsRecords> finish(SSL* ssl, std::string_view sealed);

  private:
    TrafficSecrets secrets_;
    std::uint64_t sealed_ = 0;  // records of ours since our Finished: with the application's key
};

/// What a client proved, where there is no SSL any more that knows it.
class TlsPeer {
  public:
    /// Null where it showed no certificate.
    [[nodiscard]] static std::unique_ptr<TlsPeer> of(SSL* ssl);
    ~TlsPeer();
    TlsPeer(const TlsPeer&) = delete;
    TlsPeer& operator=(const TlsPeer&) = delete;

    [[nodiscard]] X509* certificate() const { return certificate_; }
    /// Without the certificate itself.
    [[nodiscard]] STACK_OF(X509) * chain() const { return chain_; }

  private:
    TlsPeer(X509* certificate, STACK_OF(X509) * chain);
    X509* certificate_;
    STACK_OF(X509) * chain_;
};

}  // namespace eg::net
