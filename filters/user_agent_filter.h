/// Is the user agent on the list of mail_user_agents, where there is one? An absent one is judged
/// by the device's last good one (Facts::has_user_agent); an empty one is refused.
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_user_agent(const Facts& facts);

}  // namespace eg::filters
