/// The gate's part of one worker: its slots and services, and what has to be done between two
/// turns.
///
/// Made by the control thread; once started, everything but the post… functions runs on the
/// worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/gate/device_feed.h"
#include "proxy/gate/instance.h"
#include "proxy/gate/metrics.h"
#include "proxy/gate/proxy_service.h"
#include "proxy/gate/slot.h"
#include "proxy/log/log.h"
#include "proxy/net/resolver.h"
#include "proxy/server/worker.h"

namespace eg::gate {

/// One instance as a worker gets it with a configuration.
struct InstanceUpdate {
    std::shared_ptr<const Instance> instance;
    std::vector<std::pair<SocketAddress, int>> new_listeners;  // descriptors, taken over
    std::shared_ptr<DeviceFeed> feed;
    std::shared_ptr<UpstreamTrouble> trouble;
    std::shared_ptr<LearnedAgents> agents;
    std::shared_ptr<LearnedDevices> traveler_devices;
    std::shared_ptr<LockoutShield> shield;  // null: off
    std::shared_ptr<RateTable> rates;       // null: no limit of requests
    std::shared_ptr<CutOffs> cut_offs;      // null: the instance enforces
    std::shared_ptr<Bindings> bindings;     // null: off
};

class WorkerApp {
  public:
    struct Shared {
        log::Log* log;
        Metrics* metrics;
        net::Resolver* resolver;
        server::ConnectionLimit* limit;
        SpoolSpace* spool_space;
    };
    WorkerApp(std::size_t index, Shared shared);
    ~WorkerApp();
    WorkerApp(const WorkerApp&) = delete;
    WorkerApp& operator=(const WorkerApp&) = delete;

    void start();
    void stop();

    // Any thread; done in the worker's next turn.
    void post_configuration(std::vector<InstanceUpdate> instances, bool log_access);
    /// Puts a table in force for new requests, then calls `taken` on the worker's thread.
    void post_states(const std::string& instance, std::shared_ptr<const StatesUpdate> update,
                     std::function<void()> taken);
    /// Every worker has that table: held requests are judged by it. One for each post_states(), in
    /// their order.
    void post_settled(const std::string& instance, std::shared_ptr<const StatesUpdate> update);
    /// Stops accepting and lets connections end after their request.
    void post_drain();
    /// Ends all held requests with an answer, evenly over that time.
    void post_end_held(Milliseconds over);
    [[nodiscard]] std::uint64_t open_connections() const {
        return open_connections_.load(std::memory_order_relaxed);
    }

  private:
    using Services = std::map<std::string, std::shared_ptr<ProxyService>>;
    using Assignment = std::vector<std::pair<SocketAddress, std::shared_ptr<server::Service>>>;

    void apply(std::vector<InstanceUpdate>& instances);
    /// The service that an instance has stays in force.
    void keep_old(const InstanceUpdate& update, Services& fresh, Assignment& assignment);
    void settle_states(const std::string& name, const StatesUpdate& update);
    Slot& slot_of(const std::string& name);
    void turn_ended();
    void look_after_slots();
    void judge_held_again(Slot& slot);
    void end_due(Slot& slot);
    void report_sightings();

    std::size_t index_;
    Shared shared_;
    server::Worker worker_;
    net::NameCache names_;
    log::LogSink sink_;
    WorkerContext context_;
    std::map<std::string, std::unique_ptr<Slot>> slots_;
    Services services_;
    std::vector<std::weak_ptr<ProxyService>> retired_;
    std::atomic<std::uint64_t> open_connections_{0};
    std::uint64_t pauses_seen_ = 0;
    std::uint64_t refusals_seen_ = 0;
    std::int64_t flushed_ms_ = 0;
    std::int64_t looked_ms_ = 0;
    std::int64_t reported_ms_ = 0;
    std::int64_t said_pause_ms_ = 0;
};

/// Puts a table in force on all workers, and lets held requests end by it once each of them has it:
/// else a phone whose Ping just ended might be served by a worker that hasn't heard of it yet. Any
/// thread, one at a time for an instance; `workers` outlive their threads.
void publish_states(const std::vector<std::unique_ptr<WorkerApp>>& workers,
                    const std::string& instance, StatesUpdate update);

}  // namespace eg::gate
