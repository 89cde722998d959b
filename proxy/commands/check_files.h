/// The part of `easgate check` that looks at files, directories and users of this machine.
#pragma once

#include "proxy/commands/check_report.h"
#include "proxy/config/config.h"

namespace eg::commands {

/// Certificates with their keys and days, authorities, revocation lists, ticket keys, the
/// directories that must be writable, the user. Reads only.
void check_files(const config::Config& config, CheckReport& report);

/// Whether the identity of an instance can be loaded, so that it can be shown to the MDM server.
[[nodiscard]] bool has_identity(const config::Instance& instance);

}  // namespace eg::commands
