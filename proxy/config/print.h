/// The effective configuration, defaults filled in, as YAML that read_text() reads back.
#pragma once

#include <string>

#include "proxy/config/config.h"

namespace eg::config {

/// Every key of this version in the order of conf/easgate.yaml. Secrets are left out.
[[nodiscard]] std::string print(const Config& config);

}  // namespace eg::config
