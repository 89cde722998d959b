/// `easgate binding`: to whom devices are bound on the running node, and how to let them go.
#pragma once

#include <string>
#include <vector>

#include "proxy/commands/control.h"

namespace eg::commands {

struct BindingOptions {
    std::string config = kDefaultConfig;
    std::string instance;              // "" = all
    std::vector<std::string> devices;  // to remove; empty: list
    bool json = false;
};

/// Exit status: 0 done, 1 no node, no such instance, or a device to remove that isn't bound.
[[nodiscard]] int binding(const BindingOptions& options);

}  // namespace eg::commands
