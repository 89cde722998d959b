/// `easgate run`: a node in the foreground.
#pragma once

#include <string>

namespace eg::gate {

/// Runs until SIGTERM or SIGINT. Returns the exit status: 0 after a clean stop, 1 if it couldn't
/// start, 2 if the configuration can't be read.
[[nodiscard]] int run_node(const std::string& config_path);

}  // namespace eg::gate
