/// `easgate unblock`: takes entries out of the lock-out shield of the running node, or lists them.
#pragma once

#include <string>

#include "proxy/commands/control.h"

namespace eg::commands {

struct UnblockOptions {
    std::string config = kDefaultConfig;
    std::string instance;  // "" = all
    std::string name;      // a user or a device
    bool all = false;      // instead of a name
    bool list = false;     // takes nothing out
    bool json = false;
};

/// Prints what was taken out, or is there. Exit status: 0 done, 1 not done: nothing is known of
/// that name, or no node answers.
[[nodiscard]] int unblock(const UnblockOptions& options);

}  // namespace eg::commands
