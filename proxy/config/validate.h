/// Cross-field checks of a configuration: pure, no file is opened.
#pragma once

#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace eg::config {

/// Unique instance names and listeners, keys that need each other, values out of range, and warnings
/// for what is allowed but unwise (`…_allow_all_certificates`, a list of user agents that matches all).
void validate(const Config& config, Problems& problems);

}  // namespace eg::config
