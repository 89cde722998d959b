/// One connection to the mail server: made by the pool, lent to one transaction at a time.
///
/// Thread: its worker's. Lifetime: owned by the transaction that uses it, by the pool while idle,
/// by the client connection it is pinned to. Given up through Pool::discard only, never within its
/// own event.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/net/buffer.h"
#include "proxy/net/connector.h"
#include "proxy/net/stream.h"

namespace eg::upstream {

class Pool;

class UpstreamConnection final : public net::Advancing {
  public:
    UpstreamConnection(Pool& pool, net::Loop& loop, net::BufferPool& buffers);
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    void advance() override;

    /// Goes on connecting; `ready` at once if it is.
    [[nodiscard]] net::Connector::Progress connect();
    /// After `failed`.
    [[nodiscard]] const Error& connect_error() const { return connector_->error(); }
    [[nodiscard]] const std::string& connect_detail() const { return connector_->detail(); }

    [[nodiscard]] net::Stream& stream() { return *stream_; }
    [[nodiscard]] net::Buffer& input() { return input_; }
    /// Reads more into input().
    net::IoResult fill();
    /// It served a request before this one: it may have died unnoticed meanwhile.
    [[nodiscard]] bool reused() const { return reused_; }
    /// Gives back memory while the answer is awaited.
    void park();
    /// Who is advanced from now on.
    void lend_to(net::Advancing& user) { user_ = &user; }
    /// Pinned to a client connection and waiting for its next request: whatever comes is unasked
    /// for.
    void rest();
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    friend class Pool;
    Pool& pool_;
    std::unique_ptr<net::Connector> connector_;  // until it is ready
    std::unique_ptr<net::Stream> stream_;
    net::Socket* socket_ = nullptr;  // of stream_
    net::Buffer input_;
    net::Deadline idle_;
    net::Advancing* user_ = nullptr;  // null while idle
    std::int64_t idle_since_ms_ = 0;
    bool reused_ = false;
    bool broken_ = false;  // something came, or the peer left, while nobody asked
};

}  // namespace eg::upstream
