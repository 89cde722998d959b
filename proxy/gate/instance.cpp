#include "proxy/gate/instance.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "certs/pem.h"
#include "proxy/net/ticket_keys.h"

namespace eg::gate {

namespace {

std::expected<certs::Identity, std::string> load_certificate(const config::Config& config,
                                                             const config::Instance& settings) {
    if (!settings.certificate_file.empty()) {
        return certs::load_pem(settings.certificate_file, settings.private_key_file);
    }
    if (!config.tls.pkcs12_file.empty()) {
        return certs::load_pkcs12(config.tls.pkcs12_file, config.tls.pkcs12_password_file,
                                  config.tls.pkcs12_password);
    }
    return certs::load_pem(config.tls.certificate_file, config.tls.private_key_file);
}

std::expected<Secret, std::string> load_ticket_keys(const std::string& file) {
    if (file.empty()) {
        return Secret();
    }
    auto content = certs::read_whole(file, certs::Privacy::secret);
    if (!content) {
        return std::unexpected("ticket keys: " + content.error());
    }
    const std::size_t size = content->reveal().size();
    if (size == 0 || size % net::TicketKeys::kFileKeyBytes != 0) {
        return std::unexpected(fmt::format(
            "{}: ticket keys are n x {} random bytes; make them with: openssl rand -out {} {}",
            file, net::TicketKeys::kFileKeyBytes, file, 2 * net::TicketKeys::kFileKeyBytes));
    }
    return content;
}

struct StoreContextFree {
    void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
};

}  // namespace

std::expected<std::shared_ptr<const Instance>, std::string> Instance::make(
    const config::Config& config, const config::Instance& settings, std::uint64_t generation) {
    std::shared_ptr<Instance> made(new Instance);
    made->settings_ = settings;
    made->limits_ = config.limits;
    made->rules_ = filters::make_rules(config, settings);
    made->redirects_ = Redirects(config, settings);
    made->generation_ = generation;
    made->spool_directory_ = std::filesystem::path(config.mdm.state_file).parent_path();
    if (made->spool_directory_.empty()) {
        made->spool_directory_ = ".";
    }
    made->upstream_host_ = settings.activesync_server.to_string(settings.ssl ? 443 : 80);
    if (settings.tls) {
        const auto identity = load_certificate(config, settings);
        if (!identity) {
            return std::unexpected(identity.error());
        }
        auto tickets = load_ticket_keys(config.tls.ticket_keys_file);
        if (!tickets) {
            return std::unexpected(tickets.error());
        }
        if (settings.require_client_certificate) {
            auto store = certs::load_authorities(settings.client_ca_file, settings.client_crl_file);
            if (!store) {
                return std::unexpected(store.error());
            }
            made->authorities_ = std::move(*store);
        }
        net::TlsServerSettings tls;
        tls.certificate = identity->leaf.get();
        tls.key = identity->key.get();
        for (const auto& link : identity->chain) {
            tls.chain.push_back(link.get());
        }
        tls.client_authorities = made->authorities_.get();
        tls.tls13_only = config.tls.min_version == config::TlsVersion::tls13;
        tls.records = config.tls.record_layer == config::RecordLayer::easgate
                          ? net::RecordLayer::own
                          : net::RecordLayer::openssl;
        tls.name = settings.name;
        tls.ticket_keys = std::move(*tickets);
        auto context = net::TlsServerContext::make(tls);
        if (!context) {
            return std::unexpected(fmt::format("instance {}: {}", settings.name, context.error()));
        }
        made->tls_ = std::move(*context);
        made->certificate_days_left_ = certs::days_left(identity->leaf.get());
    }
    if (settings.ssl) {
        // Once for the error; workers make their own.
        const auto client = made->upstream_tls();
        if (!client) {
            return std::unexpected(client.error());
        }
    }
    return made;
}

server::ServiceSettings Instance::service_settings() const {
    return {.name = settings_.name,
            .tls = tls_,
            .head = {.bytes = limits_.header_bytes.count, .count = limits_.header_count},
            .header_timeout = limits_.header_timeout,
            .handshake_timeout = limits_.handshake_timeout,
            .idle_timeout = limits_.idle_timeout,
            .write_timeout = limits_.write_timeout};
}

upstream::Origin Instance::origin() const {
    return {.server = settings_.activesync_server,
            .tls = settings_.ssl,
            .connect_timeout = limits_.connect_timeout,
            .most_idle = limits_.upstream_idle};
}

std::expected<std::unique_ptr<net::TlsClientContext>, std::string> Instance::upstream_tls() const {
    if (!settings_.ssl) {
        return nullptr;
    }
    return net::TlsClientContext::make({.host = settings_.activesync_server.host,
                                        .ca_file = settings_.backend_ca_file,
                                        .verify = !settings_.backend_allow_all_certificates,
                                        .alpn = "http/1.1"});
}

bool Instance::accepts_certificate(X509* certificate, STACK_OF(X509) * chain) const {
    if (certificate == nullptr || authorities_ == nullptr) {
        return false;
    }
    const std::unique_ptr<X509_STORE_CTX, StoreContextFree> context(X509_STORE_CTX_new());
    if (context == nullptr ||
        X509_STORE_CTX_init(context.get(), authorities_.get(), certificate, chain) != 1) {
        return false;
    }
    X509_STORE_CTX_set_default(context.get(), "ssl_client");
    return X509_verify_cert(context.get()) == 1;
}

}  // namespace eg::gate
