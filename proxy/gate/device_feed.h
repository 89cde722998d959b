/// Keeps the device states of one instance identity in step with the MDM server, and reports what
/// was seen.
///
/// One control thread a feed, with libcurl; workers only see what it publishes. Protocol:
/// docs/mdm-api.md. States survive a restart in a state file (device/file.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/units.h"
#include "proxy/config/config.h"
#include "proxy/device/contact.h"
#include "proxy/device/sighting.h"
#include "proxy/device/table.h"
#include "proxy/log/log.h"

namespace eg::gate {

/// A table that is now in force, and what changed.
struct StatesUpdate {
    std::shared_ptr<const device::DeviceTable> table;
    bool everything = true;              // false: only `changed` differ from the table before
    std::vector<std::uint64_t> changed;  // DeviceTable::hash_id of the ids
};

struct FeedStatus {
    bool has_states = false;
    Milliseconds age{};      // since the last contact; meaningless without states
    std::string last_error;  // of the last failed attempt since the last contact; "" = none
    std::string server;      // URL in use
    std::size_t devices = 0;
    std::uint64_t attempts_ok = 0;
    std::uint64_t attempts_failed = 0;
    std::uint64_t full_syncs = 0;
    std::uint64_t observations_sent = 0;
    std::uint64_t observations_dropped = 0;
};

/// The time of the last contact, read by workers without a lock.
class ContactClock {
  public:
    /// Monotonic milliseconds (steady_clock) at which the states become too old; 0 = there are
    /// none.
    [[nodiscard]] std::int64_t expires_at_ms() const {
        return expires_at_ms_.load(std::memory_order_relaxed);
    }
    void set_expiry_ms(std::int64_t at) { expires_at_ms_.store(at, std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> expires_at_ms_{0};
};

class DeviceFeed {
  public:
    struct Settings {
        std::string instance;  // name; part of the state file's
        config::Mdm mdm;
        std::string certificate_file;  // identity at the MDM server
        std::string private_key_file;
        std::string node;                    // for the line of node facts
        device::UserKey user_key = nullptr;  // the table is indexed by user with it; null = isn't
    };
    /// What is fixed in the product; tests can't wait so long.
    struct Tuning {
        Milliseconds back_off_first{1'000};
        Milliseconds back_off_most{60'000};
        Milliseconds report_interval{30'000};
        Milliseconds report_gather{5'000};
        bool plain_http = false;
        std::function<device::Moment()> clock;  // empty: the machine's
    };
    /// `publish` is called on the feed's thread (once from load() on the caller's), whenever
    /// another table comes into force. `log` outlives the feed.
    DeviceFeed(Settings settings, log::Log& log, std::function<void(StatesUpdate)> publish);
    DeviceFeed(Settings settings, log::Log& log, std::function<void(StatesUpdate)> publish,
               Tuning tuning);
    /// Stops. The workers must have dropped their tables, or one of them may free a large one.
    ~DeviceFeed();
    DeviceFeed(const DeviceFeed&) = delete;
    DeviceFeed& operator=(const DeviceFeed&) = delete;

    /// Reads the state file and publishes what it holds, if it is whole and its contact is
    /// believed.
    void load();
    /// Starts the thread. stop() ends it promptly, also in the middle of a long poll.
    void start();
    void stop();

    /// Shared with workers; lives as long as any of them wants it.
    [[nodiscard]] std::shared_ptr<const ContactClock> contact() const;
    [[nodiscard]] FeedStatus status() const;
    /// The table in force, or null.
    [[nodiscard]] std::shared_ptr<const device::DeviceTable> table() const;
    /// Takes the sightings of a worker; any thread. Bounded.
    void observe(device::SightingTable& seen);
    /// New settings after a reload that concern the same identity (URLs, CA, lifetime).
    void change(Settings settings);

  private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

}  // namespace eg::gate
