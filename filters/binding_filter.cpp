#include "filters/binding_filter.h"

#include <algorithm>

#include "filters/names.h"

namespace eg::filters {

namespace {

bool is_bound_user(const Facts& facts, std::string_view name) {
    return user_matches(facts.binding->user, name, facts.rules->user_domains);
}

bool is_by_bound_user(const Facts& facts) {
    const bool unreadable = facts.claims != nullptr && facts.claims->unreadable;
    if (unreadable || facts.connection_unreadable) {
        return false;
    }
    const bool claimed = facts.claims == nullptr ||
                         std::ranges::all_of(facts.claims->names, [&](std::string_view name) {
                             return is_bound_user(facts, name);
                         });
    return claimed &&
           (facts.connection_name.empty() || is_bound_user(facts, facts.connection_name));
}

}  // namespace

Reason judge_binding(const Facts& facts) {
    if (facts.rules->bind == config::Bind::none || !facts.device) {
        return Reason::none;
    }
    const auto keys = facts.rules->bind == config::Bind::certificate
                          ? facts.device->keys()
                          : std::vector<device::KeyHash>();
    const bool open_key = facts.rules->bind == config::Bind::certificate && keys.empty();
    if (!keys.empty() &&
        (facts.client_key == nullptr || std::ranges::find(keys, *facts.client_key) == keys.end())) {
        return Reason::bound_key;
    }
    if (facts.bound == device::Bound::unknown && (open_key || facts.device->any_user())) {
        return Reason::binding_unknown;
    }
    if (!facts.binding) {
        return Reason::none;
    }
    if (open_key && facts.binding->key &&
        (facts.client_key == nullptr || *facts.client_key != *facts.binding->key)) {
        return Reason::bound_key;
    }
    const bool open_user = facts.device->any_user() && !facts.binding->user.empty();
    return open_user && !is_by_bound_user(facts) ? Reason::bound_user : Reason::none;
}

}  // namespace eg::filters
