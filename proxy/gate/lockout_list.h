/// The entries of the lock-out shields as JSON, for the control socket: an array with one object a
/// line, `instance`, `user`, `device`, `answered`, `expires_in_s`. Bounded, as the shields are.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "proxy/gate/node_view.h"

namespace eg::gate {

[[nodiscard]] std::string list_lockouts_json(std::span<const InstanceShield> shields);

/// Takes out the entries of a user or device, or all where no name is given, and lists them.
[[nodiscard]] std::string lift_lockouts_json(std::span<const InstanceShield> shields,
                                             const std::optional<std::string>& name);

}  // namespace eg::gate
