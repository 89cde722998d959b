/// Are the user agent and the device type on the lists of mail_user_agents, where there are any?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

/// An absent user agent is judged by the device's last good one (Facts::has_user_agent), and where
/// none is known by the list of device types, if there is one; an empty user agent is refused.
[[nodiscard]] Reason judge_user_agent(const Facts& facts);

/// ActiveSync only: nothing else has a device type. A request that should name one and doesn't is
/// refused.
[[nodiscard]] Reason judge_device_type(const Facts& facts);

}  // namespace eg::filters
