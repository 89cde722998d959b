/// What a running node knows of itself, at one instant: the answer of /status and of `easgate
/// status`.
///
/// Plain values, filled by the gate on request. What is written of it names no device and no user;
/// `cut_offs` is for the control socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/units.h"
#include "proxy/gate/device_feed.h"

namespace eg::gate {

class CutOffs;

struct DeviceCounts {
    std::uint64_t allow = 0;
    std::uint64_t deny = 0;
    std::uint64_t non_compliant = 0;
    std::uint64_t wipe = 0;
};

struct InstanceStatus {
    std::string name;
    bool ready = false;
    std::string reason;                       // why not ready: a sentence; "" = ready
    std::vector<std::string> listen;          // `0.0.0.0:443`
    std::string upstream;                     // `mail.corp.example:443`
    bool observes = false;                    // mode: observe
    std::shared_ptr<const CutOffs> cut_offs;  // null: it enforces
    FeedStatus feed;
    std::optional<Milliseconds> states_expire_in;  // nothing = there are none; negative = too old
    DeviceCounts devices;
    std::int64_t client_connections = 0;
    std::int64_t upstream_connections = 0;
    std::int64_t held = 0;
    std::optional<std::uint64_t> bindings;  // of devices; nothing = none are made
    bool bindings_damaged = false;
    std::optional<std::uint64_t> lockout_entries;  // of the lock-out shield; nothing = it is off
    std::string last_upstream_error;               // "" = none since the last success
    std::optional<int> certificate_days_left;      // of the server certificate; nothing = no TLS
    std::optional<int> identity_days_left;         // of the identity at the MDM server
};

struct NodeStatus {
    std::string name;
    std::string version;
    std::int64_t pid = 0;
    Milliseconds uptime{};
    bool ready = false;
    std::string reason;  // why not ready: a sentence; "" = ready
    bool draining = false;
    std::string config_path;
    WallTime config_loaded;         // when the configuration in force was read
    std::string last_reload_error;  // of the last reload, if it failed; "" = it didn't
    unsigned workers = 0;
    std::uint64_t max_connections = 0;
    std::vector<InstanceStatus> instances;
};

/// One JSON object with a line end; keys: docs/metrics.md.
[[nodiscard]] std::string render_json(const NodeStatus& status);
/// For people: a few aligned lines an instance.
[[nodiscard]] std::string render_text(const NodeStatus& status);

}  // namespace eg::gate
