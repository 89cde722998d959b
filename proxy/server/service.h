/// What a listener serves: how connections are secured and who answers. One object a worker,
/// immutable but for its retirement; a reload replaces it whole.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/units.h"
#include "proxy/http/parse.h"
#include "proxy/net/tls_context.h"
#include "proxy/server/transaction.h"

namespace eg::server {

class Connection;

struct ServiceSettings {
    std::string name;
    std::shared_ptr<const net::TlsServerContext> tls;  // null: plain
    http::HeadLimits head;
    Milliseconds header_timeout{10'000};
    Milliseconds handshake_timeout{5'000};
    Milliseconds idle_timeout{120'000};
    Milliseconds write_timeout{60'000};
};

/// How a connection's TLS handshake went, for metrics.
enum class Handshake : unsigned char { full, resumed, failed };

class Service {
  public:
    explicit Service(ServiceSettings settings) : settings_(std::move(settings)) {}
    virtual ~Service() = default;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    [[nodiscard]] virtual std::unique_ptr<Transaction> make_transaction(Connection& connection) = 0;
    virtual void connection_opened() {}
    virtual void connection_closed() {}
    virtual void handshake_ended(Handshake) {}

    [[nodiscard]] const ServiceSettings& settings() const { return settings_; }

    /// A reload put `successor` in our place (null: nothing): connections change over at their next
    /// request.
    void retire(std::shared_ptr<Service> successor) {
        retired_ = true;
        successor_ = std::move(successor);
    }
    [[nodiscard]] bool retired() const { return retired_; }
    [[nodiscard]] const std::shared_ptr<Service>& successor() const { return successor_; }

  private:
    ServiceSettings settings_;
    std::shared_ptr<Service> successor_;
    bool retired_ = false;
};

}  // namespace eg::server
