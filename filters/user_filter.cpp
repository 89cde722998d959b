#include "filters/user_filter.h"

#include <algorithm>

#include "filters/named_device.h"
#include "filters/names.h"

namespace eg::filters {

namespace {

bool is_listed(const Facts& facts, std::string_view claimed) {
    return facts.device->any_of_users([&](std::string_view listed) {
        return user_matches(listed, claimed, facts.rules->user_domains);
    });
}

template <typename List>
bool all_listed(const Facts& facts, const List& names) {
    return std::all_of(names.begin(), names.end(),
                       [&](std::string_view name) { return is_listed(facts, name); });
}

/// Autodiscover names no device. What is sent on is a try at a password, so it must be of somebody
/// who has a device; what is answered here isn't.
Reason judge_autodiscovering_user(const Facts& facts) {
    if (facts.rules->answers_autodiscover || has_device_for_any_user(facts)) {
        return Reason::none;
    }
    if (facts.connection_unreadable || (facts.claims != nullptr && facts.claims->unreadable)) {
        return Reason::user_unreadable;
    }
    return is_named_by_device(facts) ? Reason::none : Reason::user;
}

}  // namespace

Reason judge_user(const Facts& facts) {
    if (facts.service == Service::autodiscover) {
        return judge_autodiscovering_user(facts);
    }
    if (!facts.device || facts.device->any_user()) {
        return Reason::none;
    }
    const bool unreadable = facts.claims != nullptr && facts.claims->unreadable;
    if (unreadable || facts.connection_unreadable) {
        return Reason::user_unreadable;
    }
    const bool parameter_listed =
        facts.eas == nullptr || facts.eas->user.empty() || is_listed(facts, facts.eas->user);
    const bool connection_listed =
        facts.connection_name.empty() || is_listed(facts, facts.connection_name);
    const bool claims_listed = facts.claims == nullptr || all_listed(facts, facts.claims->names);
    const bool certificate_listed =
        facts.certificate_names == nullptr || all_listed(facts, *facts.certificate_names);
    return parameter_listed && connection_listed && claims_listed && certificate_listed
               ? Reason::none
               : Reason::user;
}

}  // namespace eg::filters
