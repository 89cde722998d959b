/// One worker's service of one instance: the instance in one configuration, with the worker's slot
/// and connections to the mail server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/gate/instance.h"
#include "proxy/gate/slot.h"
#include "proxy/gate/spool.h"
#include "proxy/log/log.h"
#include "proxy/server/connection.h"
#include "proxy/server/service.h"
#include "proxy/upstream/pool.h"

namespace eg::gate {

/// What all services of one worker share.
struct WorkerContext {
    net::Loop* loop = nullptr;
    net::BufferPool* buffers = nullptr;
    net::NameCache* names = nullptr;
    log::Log* log = nullptr;
    log::LogSink* access = nullptr;
    SpoolSpace* spool_space = nullptr;
    bool log_access = true;
    http::ResponseHead answer_scratch;  // valid within one call of a transaction
    std::uint32_t request_prefix = 0;   // random, one a worker and start
    std::uint32_t requests = 0;         // counted for request ids
};

class ProxyService final : public server::Service {
  public:
    ProxyService(std::shared_ptr<const Instance> instance, Slot& slot, WorkerContext& worker,
                 std::unique_ptr<net::TlsClientContext> upstream_tls);
    ~ProxyService() override;

    std::unique_ptr<server::Transaction> make_transaction(server::Connection& connection) override;
    void connection_opened() override;
    void connection_closed() override;
    void handshake_ended(server::Handshake result) override;

    [[nodiscard]] const Instance& instance() const { return *instance_; }
    [[nodiscard]] Slot& slot() { return slot_; }
    [[nodiscard]] WorkerContext& worker() { return worker_; }
    [[nodiscard]] upstream::Pool& pool() { return pool_; }

    /// The mail server answered, or didn't: remembered for `status`, said in the log, but not each
    /// time.
    void upstream_works();
    void upstream_fails(const std::string& what);

    /// `protocol_versions` leaves nothing of what the mail server offers: said in the log, but not
    /// each time.
    void offers_no_version(std::string_view offered);

    /// Frees the upstream connections that were given up in this turn, and counts the open ones.
    void end_turn();

  private:
    std::shared_ptr<const Instance> instance_;
    Slot& slot_;
    WorkerContext& worker_;
    upstream::Pool pool_;
    std::int64_t said_no_version_ms_ = 0;
    std::int64_t counted_ = 0;  // of the pool's connections, by the gauge
};

/// What the gate keeps for a client connection beyond one request.
class ClientNotes final : public server::ConnectionNotes {
  public:
    explicit ClientNotes(std::shared_ptr<server::Service> owner) : owner_(std::move(owner)) {}
    ~ClientNotes() override;

    /// Whether the client certificate is accepted by `instance` now; remembered until its next
    /// generation.
    [[nodiscard]] bool certificate_accepted(const Instance& instance,
                                            const server::Connection& connection);
    [[nodiscard]] const std::vector<std::string>& certificate_names(
        const server::Connection& connection);
    /// The SHA-256 of the client certificate's public key; null if it showed none.
    [[nodiscard]] const device::KeyHash* client_key(const server::Connection& connection);
    [[nodiscard]] bool certificate_is_odd() const { return certificate_is_odd_; }

    /// Before a request is judged: gives up a pinned connection that broke, or that belongs to
    /// another pool than `pool` (it was made before a reload, and what is configured now counts);
    /// without one nobody is signed in.
    void settle(const upstream::Pool& pool);
    /// The upstream connection that NTLM or Negotiate bound to this client, or null.
    [[nodiscard]] std::unique_ptr<upstream::UpstreamConnection> take_pinned() {
        return std::move(pinned_);
    }
    void pin(std::unique_ptr<upstream::UpstreamConnection> connection, upstream::Pool& pool,
             std::shared_ptr<server::Service> owner);
    /// The name that NTLM signed the connection in with; lost with the pinned connection.
    std::string connection_name;
    bool connection_unreadable = false;  // signed in by a credential that hides its name

  private:
    std::shared_ptr<server::Service> owner_;  // keeps pool_ alive
    upstream::Pool* pool_ = nullptr;
    std::unique_ptr<upstream::UpstreamConnection> pinned_;
    std::vector<std::string> certificate_names_;
    std::optional<device::KeyHash> client_key_;
    bool names_read_ = false;
    bool certificate_is_odd_ = false;
    bool accepted_ = false;
    std::uint64_t accepted_generation_ = 0;
};

}  // namespace eg::gate
