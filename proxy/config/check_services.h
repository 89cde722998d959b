/// What may be wrong with the options of EWS and Traveler. Part of validate().
#pragma once

#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace eg::config {

/// A finding about one key of an instance.
struct ServiceFinding {
    std::string key;  // below the instance: `ews_push_hosts[1]`
    std::string message;
    bool error = true;  // else a warning
};

[[nodiscard]] std::vector<ServiceFinding> check_services(const Instance& instance);

}  // namespace eg::config
