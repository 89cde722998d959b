/// What the administration endpoint may ask of the running node. The gate implements it, tests fake
/// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/device/table.h"
#include "proxy/gate/bindings.h"
#include "proxy/gate/lockout_shield.h"
#include "proxy/gate/metrics.h"
#include "proxy/gate/node_status.h"
#include "proxy/log/log.h"

namespace eg::gate {

struct InstanceBindings {
    std::string instance;
    std::shared_ptr<Bindings> bindings;  // null: off
};

struct InstanceShield {
    std::string instance;
    std::shared_ptr<LockoutShield> shield;  // null: off
};

/// Any thread may call; no call waits for a worker, the disk or the network.
class NodeView {
  public:
    virtual ~NodeView() = default;
    [[nodiscard]] virtual NodeStatus status() const = 0;
    [[nodiscard]] virtual const Metrics& metrics() const = 0;
    [[nodiscard]] virtual const log::Counts& log_counts() const = 0;
    /// The device states in force at an instance; null if there are none or no such instance.
    [[nodiscard]] virtual std::shared_ptr<const device::DeviceTable> table(
        std::string_view instance) const = 0;
    /// The lock-out shields of all instances.
    [[nodiscard]] virtual std::vector<InstanceShield> shields() const = 0;
    /// The device bindings of all instances.
    [[nodiscard]] virtual std::vector<InstanceBindings> bindings() const = 0;
};

}  // namespace eg::gate
