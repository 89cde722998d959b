/// Device bindings as JSON, for the control socket: an array, an object a line.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/gate/node_view.h"

namespace eg::gate {

[[nodiscard]] std::string list_bindings_json(std::span<const InstanceBindings> all);
/// Takes the bindings of a device out, and lists them.
[[nodiscard]] std::string remove_binding_json(std::span<const InstanceBindings> all,
                                              std::string_view id);

}  // namespace eg::gate
