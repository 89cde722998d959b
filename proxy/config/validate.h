/// Cross-field checks of a configuration: pure, no file is opened.
#pragma once

#include "proxy/config/config.h"
#include "proxy/config/problem.h"
#include "proxy/config/read.h"

namespace eg::config {

/// Unique instance names and listeners, keys that need each other, values out of range, and
/// warnings for what is allowed but unwise (`…_allow_all_certificates`, a list of user agents that
/// matches all). A problem stands at its key, or at the section that should hold it.
void validate(const Config& config, const Positions& positions, Problems& problems);

}  // namespace eg::config
