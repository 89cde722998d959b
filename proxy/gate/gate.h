/// A running node: workers, device feeds, log, administration; start, reload, drain, stop.
///
/// Thread: the control thread makes it and calls everything but the NodeView functions, which any
/// thread may.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/gate/admin.h"
#include "proxy/gate/device_feed.h"
#include "proxy/gate/loaded.h"
#include "proxy/gate/metrics.h"
#include "proxy/gate/node_view.h"
#include "proxy/gate/worker_app.h"
#include "proxy/log/log.h"
#include "proxy/server/process.h"

namespace eg::gate {

class Gate final : public NodeView {
  public:
    explicit Gate(Loaded loaded);
    ~Gate() override;

    /// Binds every listener, drops privileges, then starts everything. Errors: sentences for
    /// administrators.
    [[nodiscard]] std::expected<void, std::string> start();
    /// Takes a new configuration over if it is whole; else keeps the old one and says why in the
    /// log.
    void reload();
    void reopen_logs() { log_->reopen(); }
    /// Readiness is withdrawn at once; the rest follows in drain_step().
    void begin_drain();
    /// Goes on draining; true once nothing is left to wait for. Call every 50 ms or so.
    [[nodiscard]] bool drain_step();

    [[nodiscard]] NodeStatus status() const override;
    [[nodiscard]] const Metrics& metrics() const override { return metrics_; }
    [[nodiscard]] const log::Counts& log_counts() const override { return log_->counts(); }
    [[nodiscard]] std::shared_ptr<const device::DeviceTable> table(
        std::string_view instance) const override;
    [[nodiscard]] std::vector<InstanceShield> shields() const override;
    [[nodiscard]] std::vector<InstanceBindings> bindings() const override;

  private:
    /// One published name over reloads.
    struct Published {
        std::shared_ptr<const Instance> instance;
        std::shared_ptr<DeviceFeed> feed;
        std::shared_ptr<UpstreamTrouble> trouble;
        std::shared_ptr<LearnedAgents> agents;
        std::shared_ptr<LearnedDevices> traveler_devices;
        std::shared_ptr<LockoutShield> shield;  // null: off
        std::shared_ptr<CutOffs> cut_offs;      // null: the instance enforces
        std::shared_ptr<Bindings> bindings;     // null: off
        std::optional<int> identity_days_left;
    };
    using Bound = std::vector<std::pair<SocketAddress, int>>;  // descriptors of one worker

    [[nodiscard]] std::expected<void, std::string> states_are_free() const;
    std::expected<void, std::string> raise_descriptor_limit();
    std::expected<std::vector<Bound>, std::string> bind_new(const Loaded& loaded);
    std::expected<void, std::string> bind_admin();
    std::expected<void, std::string> bind_control();
    void publish(const Loaded& loaded, std::vector<Bound> bound);
    void apply_node_settings(const config::Config& fresh);
    Published make_published(const config::Config& config,
                             std::shared_ptr<const Instance> instance);
    [[nodiscard]] log::Settings log_settings(const config::Config& config) const;
    [[nodiscard]] InstanceStatus status_of(const std::string& name,
                                           const Published& published) const;
    /// Lets held requests end over the last drain_spread of drain_timeout.
    void end_held_in_time(std::chrono::steady_clock::time_point now);
    void warn_of_risks(const config::Config& config);

    Loaded loaded_;
    std::uint64_t generation_ = 1;
    std::unique_ptr<log::Log> log_;
    Metrics metrics_;
    server::ConnectionLimit limit_;
    std::shared_ptr<RateTable>
        rates_;  // made once a limit is set; what it counted survives reloads
    SpoolSpace spool_space_;
    std::unique_ptr<net::SystemResolver> resolver_;
    std::vector<std::unique_ptr<WorkerApp>> workers_;
    std::vector<SocketAddress> addresses_;  // bound by every worker
    AdminHandler admin_handler_{*this, AdminFace::admin_port};
    AdminHandler control_handler_{*this, AdminFace::control_socket};
    server::SimpleServer admin_{"admin"};
    server::SimpleServer control_{"control"};

    mutable std::mutex mutex_;  // guards what follows, for the NodeView functions
    std::map<std::string, Published> published_;
    config::Config config_;
    WallTime loaded_at_;
    std::string last_reload_error_;
    bool started_ = false;
    bool draining_ = false;

    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point drain_began_;
    std::chrono::steady_clock::time_point held_ended_at_;
    bool held_end_ = false;
    enum class Drain : std::uint8_t { none, announced, finishing, ending } drain_ = Drain::none;
};

}  // namespace eg::gate
