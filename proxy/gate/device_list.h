/// The device states in force as JSON, for the control socket: an array with one object a line.
///
/// Runs on the worker that answers. A table is kept alive until its list is sent.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/device/table.h"
#include "proxy/server/simple.h"

namespace eg::gate {

struct InstanceTable {
    std::string instance;
    std::shared_ptr<const device::DeviceTable> table;  // may be null
};

/// The record of each instance that rules over `id`; an empty array if none lists it.
[[nodiscard]] std::string find_device_json(std::span<const InstanceTable> tables,
                                           std::string_view id);

/// Every device of every instance, piece by piece: a million devices take eight bytes each while
/// the list is sent, never their text.
[[nodiscard]] std::unique_ptr<server::BodySource> list_devices_json(
    std::vector<InstanceTable> tables);

}  // namespace eg::gate
