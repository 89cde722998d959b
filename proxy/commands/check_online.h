/// The part of `easgate check --online` that uses the network.
#pragma once

#include "proxy/commands/check_report.h"
#include "proxy/config/config.h"

namespace eg::commands {

/// Binds each port (without listening, and not those that our running node holds), connects to each
/// mail server, asks the MDM server as each instance. Each try takes at most some 5 s.
void check_online(const config::Config& config, CheckReport& report);

}  // namespace eg::commands
