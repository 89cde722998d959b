/// From a host name to a stream that is ready: resolve, connect to one address after the other,
/// handshake.
///
/// A small state table that its owner drives: call step() whenever the owner is advanced. All of it
/// together has one time limit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/ip.h"
#include "proxy/net/plain_stream.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tls_context.h"
#include "proxy/net/tls_stream.h"

namespace eg::net {

class Connector {
  public:
    struct Target {
        const HostPort* server;  // outlives the connector
        TlsClientContext* tls;   // null = plain; outlives the connector and its stream
        Milliseconds timeout;    // for all of it; what is left is shared out between the addresses
                                 // that are left, so that a dead one leaves time for the next
    };
    /// `owner` is advanced when a step can be taken, and owns the stream in the end.
    Connector(Loop& loop, NameCache& names, Target target, Advancing& owner)
        : loop_(loop),
          names_(names),
          target_(target),
          owner_(owner),
          patience_(loop.wheel(), owner) {}
    ~Connector() { names_.forget(owner_); }
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    enum class Progress : std::uint8_t { waiting, ready, failed };
    /// Goes as far as it can.
    [[nodiscard]] Progress step();
    /// After `ready`.
    [[nodiscard]] std::unique_ptr<Stream> take_stream() { return std::move(stream_); }
    /// After `ready`: of the stream.
    [[nodiscard]] Socket& socket() { return *socket_; }
    /// After `failed`: what the last address said.
    [[nodiscard]] const Error& error() const { return error_; }
    /// For people: the last address tried and, for TLS, OpenSSL's word.
    [[nodiscard]] const std::string& detail() const { return detail_; }

  private:
    enum class State : std::uint8_t {
        resolving,
        next_address,
        connecting,
        handshaking,
        ready,
        failed
    };
    bool resolve();  // true = go on
    bool try_address();
    bool finish_connect();
    bool handshake();
    void note(ErrorCode code, const char* what, int sys_errno);

    Loop& loop_;
    NameCache& names_;
    Target target_;
    Advancing& owner_;
    Deadline patience_;  // with the look-up, then with the address that is being tried
    std::int64_t due_ms_ = 0;
    State state_ = State::resolving;
    std::vector<IpAddress> addresses_;
    std::size_t next_ = 0;
    std::unique_ptr<Stream> stream_;
    Socket* socket_ = nullptr;  // of stream_
    Error error_{"no address", 0, ErrorCode::unresolved, Side::upstream};
    std::string detail_;
};

}  // namespace eg::net
