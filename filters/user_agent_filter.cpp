#include "filters/user_agent_filter.h"

namespace eg::filters {

namespace {

bool names_type(const Facts& facts) {
    return facts.eas != nullptr && !facts.eas->device_type.empty();
}

bool type_is_listed(const Facts& facts) {
    return names_type(facts) &&
           any_glob_matches(*facts.rules->device_types, facts.eas->device_type);
}

}  // namespace

Reason judge_user_agent(const Facts& facts) {
    if (!facts.rules->user_agents || facts.service == Service::none) {
        return Reason::none;
    }
    if (!facts.has_user_agent) {
        const bool known_by_type = facts.rules->device_types && type_is_listed(facts);
        return known_by_type ? Reason::none : Reason::user_agent;
    }
    // A pattern like `*` would match the empty text too.
    return !facts.user_agent.empty() &&
                   any_glob_matches(*facts.rules->user_agents, facts.user_agent)
               ? Reason::none
               : Reason::user_agent;
}

Reason judge_device_type(const Facts& facts) {
    if (!facts.rules->device_types || facts.service != Service::active_sync) {
        return Reason::none;
    }
    // OPTIONS names neither device nor type.
    if (facts.head->method == http::Method::options && !names_type(facts)) {
        return Reason::none;
    }
    return type_is_listed(facts) ? Reason::none : Reason::device_type;
}

}  // namespace eg::filters
