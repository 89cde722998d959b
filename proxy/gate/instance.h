/// One published service as the configuration describes it: certificate, upstream, rules.
/// Immutable; built by the control thread, whole or not at all, shared by the workers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "certs/identity.h"
#include "filters/rules.h"
#include "proxy/config/config.h"
#include "proxy/gate/redirect.h"
#include "proxy/net/tls_context.h"
#include "proxy/server/service.h"
#include "proxy/upstream/pool.h"

namespace eg::gate {

class Instance {
  public:
    /// `generation` rises with each configuration that is loaded. Errors: sentences for
    /// administrators.
    [[nodiscard]] static std::expected<std::shared_ptr<const Instance>, std::string> make(
        const config::Config& config, const config::Instance& settings, std::uint64_t generation);

    [[nodiscard]] const config::Instance& settings() const { return settings_; }
    [[nodiscard]] const config::Limits& limits() const { return limits_; }
    [[nodiscard]] const filters::Rules& rules() const { return rules_; }
    /// Where its mail server may send phones.
    [[nodiscard]] const Redirects& redirects() const { return redirects_; }
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    /// What a worker's service and pool are made from.
    [[nodiscard]] server::ServiceSettings service_settings() const;
    [[nodiscard]] upstream::Origin origin() const;
    /// Nothing for a plain origin. A new one for each worker.
    [[nodiscard]] std::expected<std::unique_ptr<net::TlsClientContext>, std::string> upstream_tls()
        const;
    /// The Host field that the mail server gets.
    [[nodiscard]] const std::string& upstream_host() const { return upstream_host_; }
    /// Where bodies are kept whose length must be known: beside the state file.
    [[nodiscard]] const std::string& spool_directory() const { return spool_directory_; }
    /// Days until the server certificate ends; nothing for plain listeners.
    [[nodiscard]] std::optional<int> certificate_days_left() const {
        return certificate_days_left_;
    }

    /// Whether a client certificate is accepted now: chain to the chosen authority, validity,
    /// revocation. Asked anew after each reload, for connections that were made before it too.
    /// Cost: a chain verification.
    [[nodiscard]] bool accepts_certificate(X509* certificate, STACK_OF(X509) * chain) const;

  private:
    Instance() = default;
    config::Instance settings_;
    config::Limits limits_;
    filters::Rules rules_;
    Redirects redirects_;
    std::uint64_t generation_ = 0;
    std::string upstream_host_;
    std::string spool_directory_;
    std::shared_ptr<const net::TlsServerContext> tls_;
    certs::StorePtr authorities_;
    std::optional<int> certificate_days_left_;
};

}  // namespace eg::gate
