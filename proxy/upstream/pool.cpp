#include "proxy/upstream/pool.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace eg::upstream {

Pool::Pool(net::Loop& loop, net::BufferPool& buffers, net::NameCache& names, Origin origin,
           std::unique_ptr<net::TlsClientContext> tls)
    : loop_(loop),
      buffers_(buffers),
      names_(names),
      origin_(std::move(origin)),
      tls_(std::move(tls)) {
    EG_CHECK(origin_.tls == (tls_ != nullptr));
}

Pool::~Pool() = default;

std::unique_ptr<UpstreamConnection> Pool::take(net::Advancing& user) {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->broken_ || !is_quiet(*connection)) {
            discard(std::move(connection));
            continue;
        }
        connection->idle_.disarm();
        connection->lend_to(user);
        return connection;
    }
    return take_new(user);
}

bool Pool::is_quiet(UpstreamConnection& connection) const {
    // Used a moment ago: an event would have told. Else what came since may not have been looked at
    // yet.
    constexpr std::int64_t kMomentMs = 5;
    if (loop_.now_ms() - connection.idle_since_ms_ <= kMomentMs) {
        return true;
    }
    connection.socket_->look_again();
    return connection.fill().status == net::IoStatus::again;
}

std::unique_ptr<UpstreamConnection> Pool::take_new(net::Advancing& user) {
    auto connection = std::make_unique<UpstreamConnection>(*this, loop_, buffers_);
    connection->connector_ = std::make_unique<net::Connector>(
        loop_, names_, net::Connector::Target{&origin_.server, tls_.get(), origin_.connect_timeout},
        *connection);
    connection->lend_to(user);
    ++open_;
    return connection;
}

void Pool::give_back(std::unique_ptr<UpstreamConnection> connection) {
    EG_CHECK(connection->input_.empty() && connection->stream_ != nullptr);
    if (idle_.size() >= origin_.most_idle) {
        discard(std::move(connection));
        return;
    }
    connection->rest();
    connection->idle_since_ms_ = loop_.now_ms();
    connection->idle_.arm(origin_.idle_timeout);
    idle_.push_back(std::move(connection));
}

void Pool::discard(std::unique_ptr<UpstreamConnection> connection) {
    if (connection->stream_ != nullptr) {
        connection->stream_->shutdown();
    }
    connection->user_ = nullptr;
    connection->broken_ = true;
    --open_;
    graveyard_.push_back(std::move(connection));
}

void Pool::clear() {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        discard(std::move(connection));
    }
}

void Pool::woken_while_idle(UpstreamConnection& connection) {
    if (connection.broken_) {
        return;
    }
    // A new ticket is read and kept by TLS; a byte of HTTP that nobody asked for, or the peer's
    // end, is the end.
    const net::IoResult got = connection.fill();
    const bool quiet = got.status == net::IoStatus::again && connection.input_.empty();
    connection.input_.release_if_empty();
    if (quiet && !connection.idle_.passed()) {
        return;
    }
    connection.broken_ = true;
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& candidate) {
        return candidate.get() == &connection;
    });
    if (found != idle_.end()) {
        auto dead = std::move(*found);
        idle_.erase(found);
        discard(std::move(dead));
    }
}

}  // namespace eg::upstream
