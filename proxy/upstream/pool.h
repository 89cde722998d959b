/// The connections of one worker to one mail server. The one used last is lent first: it is the
/// least likely to have been closed, and the others can age out.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/base/units.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tls_context.h"
#include "proxy/upstream/connection.h"

namespace eg::upstream {

/// Where an instance forwards to.
struct Origin {
    HostPort server;
    bool tls = true;
    Milliseconds connect_timeout{5'000};
    std::size_t most_idle = 64;
    Milliseconds idle_timeout{60'000};
};

class Pool {
  public:
    /// `tls` null for a plain origin. References outlive the pool.
    Pool(net::Loop& loop, net::BufferPool& buffers, net::NameCache& names, Origin origin,
         std::unique_ptr<net::TlsClientContext> tls);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// An idle connection, or a new one that has yet to connect().
    [[nodiscard]] std::unique_ptr<UpstreamConnection> take(net::Advancing& user);
    /// Always a new one: after a reused one has died under a request.
    [[nodiscard]] std::unique_ptr<UpstreamConnection> take_new(net::Advancing& user);
    /// Only if nothing about it is in doubt: request sent whole, answer complete by its framing, no
    /// byte left.
    void give_back(std::unique_ptr<UpstreamConnection> connection);
    /// Closes it; freed at the end of the turn.
    void discard(std::unique_ptr<UpstreamConnection> connection);

    /// Frees what was discarded. Called by the worker at the end of each turn.
    void bury() { graveyard_.clear(); }
    /// Closes all idle connections.
    void clear();
    [[nodiscard]] std::size_t idle() const { return idle_.size(); }
    /// In use, idle or connecting.
    [[nodiscard]] std::size_t open() const { return open_; }
    [[nodiscard]] const Origin& origin() const { return origin_; }

  private:
    friend class UpstreamConnection;
    void woken_while_idle(UpstreamConnection& connection);
    /// Nothing came, and the peer is still there.
    [[nodiscard]] bool is_quiet(UpstreamConnection& connection) const;

    net::Loop& loop_;
    net::BufferPool& buffers_;
    net::NameCache& names_;
    Origin origin_;
    std::unique_ptr<net::TlsClientContext> tls_;
    std::vector<std::unique_ptr<UpstreamConnection>> idle_;
    std::vector<std::unique_ptr<UpstreamConnection>> graveyard_;
    std::size_t open_ = 0;
};

}  // namespace eg::upstream
