/// A Stream through TLS, over the socket itself (no memory in between). OpenSSL shakes hands; what
/// comes then it does itself, or, for a server of TLS 1.3, TlsRecords.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "proxy/net/stream.h"
#include "proxy/net/tls_handover.h"
#include "proxy/net/tls_records.h"
#include "proxy/net/tls_wire.h"

namespace eg::net {

struct SslFree {
    void operator()(SSL* p) const { SSL_free(p); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

/// Whose records protect the bytes after a handshake.
enum class RecordLayer : std::uint8_t {
    openssl,
    own,  // where it can: TLS 1.3, the server's side, and an SSL_CTX with tapped_properties()
};

class TlsStream final : public Stream {
  public:
    /// `ssl` is set up for accepting or connecting, and not yet bound to a descriptor.
    TlsStream(Loop& loop, int fd, Advancing& owner, SslPtr ssl,
              RecordLayer records = RecordLayer::openssl);

    IoResult handshake() override;
    IoResult read(std::span<char> into) override;
    IoResult write(std::span<const std::string_view> pieces) override;
    void shutdown() override;
    void free_buffers() override;

    [[nodiscard]] Socket& socket() { return socket_; }
    /// The rest once the hands are shaken. Whether a session was resumed:
    [[nodiscard]] bool resumed() const;
    /// The peer's certificate, or null. Valid as long as the stream.
    [[nodiscard]] X509* certificate() const;
    /// The certificates that the peer sent, or null; of a client without its own.
    [[nodiscard]] STACK_OF(X509) * certificate_chain() const;
    /// Whether OpenSSL's object is gone.
    [[nodiscard]] bool has_own_records() const { return records_ != nullptr; }
    /// Bytes that are sealed and wait for the socket to take them: up to 85 KiB once, and 33 KiB
    /// where the peer goes on reading slowly.
    [[nodiscard]] std::size_t unsent() const { return wire_.unsent.size(); }
    /// What OpenSSL said of the last failure of a handshake: static or thread-local text, for the
    /// log. Never a secret.
    [[nodiscard]] static std::string last_failure();

  private:
    /// After the handshake: from here on without OpenSSL, if that can be.
    void take_over();
    IoResult read_by_openssl(std::span<char> into);
    IoResult read_records(std::span<char> into);
    /// One record leaves, or goes to the cork. The bytes that count as written.
    IoResult seal(std::string_view record);
    /// What a call of OpenSSL that returned `result` (not a success) means.
    IoResult outcome(int result);
    /// The stream ends with this alert, as far as the peer can still be told.
    IoResult abort(AlertDescription why);
    IoResult broken_off(int sys_errno);
    /// What was sealed and kept back leaves, as far as the socket takes it.
    void flush_rest();
    Socket socket_;
    TlsWire wire_;                           // refers to the socket, and the BIO in ssl_ to it
    std::unique_ptr<TlsHandover> handover_;  // until the hands are shaken; ssl_ talks to it
    SslPtr ssl_;                             // or, once it is null:
    std::unique_ptr<TlsRecords> records_;
    std::unique_ptr<TlsPeer> peer_;  // of a client with a certificate
    bool resumed_ = false;
    bool broken_ = false;  // after a fatal error SSL_shutdown must not be called
};

}  // namespace eg::net
