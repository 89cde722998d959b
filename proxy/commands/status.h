/// `easgate status`: what the running node knows of itself.
#pragma once

#include <string>

#include "proxy/commands/control.h"

namespace eg::commands {

struct StatusOptions {
    std::string config = kDefaultConfig;
    bool json = false;
};

/// Returns the exit status: 0 ready, 1 not ready or no node.
[[nodiscard]] int status(const StatusOptions& options);

}  // namespace eg::commands
