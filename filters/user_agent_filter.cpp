#include "filters/user_agent_filter.h"

#include <algorithm>

namespace eg::filters {

Reason judge_user_agent(const Facts& facts) {
    if (!facts.rules->user_agents || facts.service == Service::none) {
        return Reason::none;
    }
    // A pattern like `*` would match the empty text too.
    if (!facts.has_user_agent || facts.user_agent.empty()) {
        return Reason::user_agent;
    }
    const auto& patterns = *facts.rules->user_agents;
    const bool listed = std::any_of(
        patterns.begin(), patterns.end(),
        [&](const std::string& pattern) { return glob_matches(pattern, facts.user_agent); });
    return listed ? Reason::none : Reason::user_agent;
}

}  // namespace eg::filters
