/// `easgate devices`: the device states in force on the running node.
#pragma once

#include <string>

#include "proxy/commands/control.h"

namespace eg::commands {

struct DevicesOptions {
    std::string config = kDefaultConfig;
    std::string id;        // "" = all
    std::string instance;  // "" = all
    bool json = false;
};

/// Returns the exit status: 0 if a device was found, else 1.
[[nodiscard]] int devices(const DevicesOptions& options);

}  // namespace eg::commands
