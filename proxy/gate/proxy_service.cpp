#include "proxy/gate/proxy_service.h"

#include <algorithm>

#include "certs/identity.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

ProxyService::ProxyService(std::shared_ptr<const Instance> instance, Slot& slot,
                           WorkerContext& worker,
                           std::unique_ptr<net::TlsClientContext> upstream_tls)
    : Service(instance->service_settings()),
      instance_(std::move(instance)),
      slot_(slot),
      worker_(worker),
      pool_(*worker.loop, *worker.buffers, *worker.names, instance_->origin(),
            std::move(upstream_tls)) {}

ProxyService::~ProxyService() {
    slot_.metrics->upstream_connections.subtract(counted_);
}

std::unique_ptr<server::Transaction> ProxyService::make_transaction(
    server::Connection& connection) {
    return std::make_unique<ProxyTransaction>(*this, connection);
}

void ProxyService::connection_opened() {
    slot_.metrics->client_connections.add();
    slot_.metrics->connections_accepted.add();
}

void ProxyService::connection_closed() {
    slot_.metrics->client_connections.subtract();
}

void ProxyService::handshake_ended(server::Handshake result) {
    switch (result) {
        case server::Handshake::full:
            slot_.metrics->count_handshake(Handshake::full);
            break;
        case server::Handshake::resumed:
            slot_.metrics->count_handshake(Handshake::resumed);
            break;
        case server::Handshake::failed:
            slot_.metrics->count_handshake(Handshake::failed);
            break;
    }
}

void ProxyService::upstream_works() {
    if (slot_.upstream_in_trouble) {
        slot_.upstream_in_trouble = false;
        if (slot_.trouble->works()) {
            worker_.log->event(log::Level::info, "upstream",
                               "instance {}: the mail server answers again", slot_.name);
        }
    }
}

void ProxyService::upstream_fails(const std::string& what) {
    slot_.upstream_in_trouble = true;
    if (const auto line = slot_.trouble->fails(what, worker_.loop->now_ms())) {
        worker_.log->event(log::Level::warning, "upstream", "instance {}: {}", slot_.name, *line);
    }
}

void ProxyService::offers_no_version(std::string_view offered) {
    constexpr std::int64_t kSayEveryMs = 60'000;
    const std::int64_t now_ms = worker_.loop->now_ms();
    if (said_no_version_ms_ != 0 && now_ms - said_no_version_ms_ < kSayEveryMs) {
        return;
    }
    said_no_version_ms_ = now_ms;
    worker_.log->event(log::Level::warning, "upstream",
                       "instance {}: the mail server offers the protocol versions {}, and none of "
                       "them is among protocol_versions: phones are offered none",
                       slot_.name, offered);
}

void ProxyService::end_turn() {
    pool_.bury();
    const auto open = static_cast<std::int64_t>(pool_.open());
    if (open != counted_) {
        slot_.metrics->upstream_connections.add(open - counted_);
        counted_ = open;
    }
}

ClientNotes::~ClientNotes() {
    if (pinned_ != nullptr) {
        pool_->discard(std::move(pinned_));
    }
}

bool ClientNotes::certificate_accepted(const Instance& instance,
                                       const server::Connection& connection) {
    if (accepted_generation_ != instance.generation()) {
        accepted_ =
            instance.accepts_certificate(connection.certificate(), connection.certificate_chain());
        accepted_generation_ = instance.generation();
    }
    // Validity ends while a connection lives on; a comparison, so it is made for each request.
    return accepted_ && X509_cmp_current_time(X509_get0_notAfter(connection.certificate())) > 0;
}

const std::vector<std::string>& ClientNotes::certificate_names(
    const server::Connection& connection) {
    if (!names_read_ && connection.certificate() != nullptr) {
        certificate_names_ = certs::mail_addresses(connection.certificate(), certificate_is_odd_);
    }
    names_read_ = true;
    return certificate_names_;
}

const device::KeyHash* ClientNotes::client_key(const server::Connection& connection) {
    if (!client_key_ && connection.certificate() != nullptr) {
        const std::string hash = certs::public_key_hash(connection.certificate());
        std::ranges::copy(hash, client_key_.emplace().begin());
    }
    return client_key_ ? &*client_key_ : nullptr;
}

void ClientNotes::settle(const upstream::Pool& pool) {
    if (pinned_ != nullptr && (pinned_->broken() || pool_ != &pool)) {
        pool_->discard(std::move(pinned_));
    }
    if (pinned_ == nullptr) {
        connection_name.clear();
        connection_unreadable = false;
    }
}

void ClientNotes::pin(std::unique_ptr<upstream::UpstreamConnection> connection,
                      upstream::Pool& pool, std::shared_ptr<server::Service> owner) {
    connection->rest();
    pinned_ = std::move(connection);
    pool_ = &pool;
    owner_ = std::move(owner);
}

}  // namespace eg::gate
