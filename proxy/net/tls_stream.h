/// A Stream through TLS, on OpenSSL over the socket itself (no memory in between).
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "proxy/net/stream.h"

namespace eg::net {

struct SslFree {
    void operator()(SSL* p) const { SSL_free(p); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

class TlsStream final : public Stream {
  public:
    /// `ssl` is set up for accepting or connecting, and not yet bound to a descriptor.
    TlsStream(Loop& loop, int fd, Advancing& owner, SslPtr ssl);

    IoResult handshake() override;
    IoResult read(std::span<char> into) override;
    IoResult write(std::span<const std::string_view> pieces) override;
    void shutdown() override;
    void free_buffers() override;

    [[nodiscard]] SSL* ssl() { return ssl_.get(); }
    [[nodiscard]] Socket& socket() { return socket_; }
    /// Bytes that are sealed and wait for the socket to take them: up to 85 KiB once, and 33 KiB
    /// where the peer goes on reading slowly.
    [[nodiscard]] std::size_t unsent() const;
    /// What OpenSSL said of the last failure: static or thread-local text, for the log. Never a
    /// secret.
    [[nodiscard]] static std::string last_failure();

  private:
    /// What a call of OpenSSL that returned `result` (not a success) means.
    IoResult outcome(int result);
    /// What was sealed and kept back leaves, as far as the socket takes it.
    void flush_rest();
    Socket socket_;  // before ssl_: the BIO in it refers to the socket
    SslPtr ssl_;
    bool broken_ = false;  // after a fatal error SSL_shutdown must not be called
};

}  // namespace eg::net
