#include "filters/chain.h"

#include <bit>

#include "filters/autodiscover_filter.h"
#include "filters/binding_filter.h"
#include "filters/command_filter.h"
#include "filters/device_filter.h"
#include "filters/ews_filter.h"
#include "filters/method_filter.h"
#include "filters/path_filter.h"
#include "filters/secure_email_filter.h"
#include "filters/states_filter.h"
#include "filters/traveler_filter.h"
#include "filters/user_agent_filter.h"
#include "filters/user_filter.h"
#include "filters/version_filter.h"

namespace eg::filters {

namespace {

bool checks_version(const Rules& rules) {
    return !rules.versions.is_every();
}
bool publishes_traveler(const Rules& rules) {
    return rules.traveler;
}
bool publishes_ews(const Rules& rules) {
    return rules.ews;
}
bool publishes_autodiscover(const Rules& rules) {
    return rules.autodiscover;
}
bool binds(const Rules& rules) {
    return rules.bind != config::Bind::none;
}
bool lists_user_agents(const Rules& rules) {
    return rules.user_agents.has_value();
}
bool lists_device_types(const Rules& rules) {
    return rules.device_types.has_value();
}

constexpr std::array<Filter, 14> kFilters{{
    {"states", judge_states, "Are the device states known and recent?"},
    {"path", judge_path, "Is the path published?"},
    {"method", judge_method, "Is the method one that its clients use?"},
    {"command", judge_command, "Is the command one of ActiveSync's?"},
    {"version", judge_version, "Is the protocol version permitted?", false, checks_version},
    {"device", judge_device, "Is the device known and permitted?", true},
    {"traveler", judge_traveler, "Traveler: may it come from this device, or without naming one?",
     false, publishes_traveler},
    {"ews", judge_ews, "EWS: may it be a push subscription, of a user with a permitted device?",
     false, publishes_ews},
    {"autodiscover", judge_autodiscover, "Autodiscover: can it be taken for nothing else?", false,
     publishes_autodiscover},
    {"user", judge_user, "May every claimed user use this device?", true},
    {"binding", judge_binding, "Is it used by whom, and with the key, that it is bound to?", true,
     binds},
    {"user_agent", judge_user_agent, "Is the user agent on the list?", true, lists_user_agents},
    {"device_type", judge_device_type, "Is the device type on the list?", true, lists_device_types},
    {"secure_email", judge_secure_email, "Is it the secure e-mail app, if only that is permitted?",
     true},
}};

constexpr std::uint32_t kAll = (std::uint32_t{1} << kFilters.size()) - 1;

}  // namespace

bool is_relaxed(const Filter& filter, const Facts& facts) {
    return facts.rules->observe && filter.relaxable && facts.service != Service::ews &&
           facts.service != Service::traveler;
}

std::span<const Filter> filters() {
    return kFilters;
}

std::uint32_t needed_filters(const Rules& rules) {
    std::uint32_t needed = 0;
    for (std::size_t i = 0; i < kFilters.size(); ++i) {
        if (kFilters[i].is_on == nullptr || kFilters[i].is_on(rules)) {
            needed |= std::uint32_t{1} << i;
        }
    }
    return needed;
}

Verdict judge(const Facts& facts) {
    Verdict allowed;
    for (std::uint32_t left = facts.rules->asked & kAll; left != 0; left &= left - 1) {
        const Filter& filter = kFilters[static_cast<std::size_t>(std::countr_zero(left))];
        const Reason reason = filter.judge(facts);
        if (reason == Reason::none) {
            continue;
        }
        if (!is_relaxed(filter, facts)) {
            return refuse(reason, filter.name);
        }
        if (allowed.observed == Reason::none) {
            allowed.observed = reason;
        }
    }
    return allowed;
}

std::vector<TraceLine> trace(const Facts& facts) {
    std::vector<TraceLine> lines;
    lines.reserve(kFilters.size());
    for (const Filter& filter : kFilters) {
        lines.push_back({filter.name, filter.question, filter.judge(facts)});
    }
    return lines;
}

}  // namespace eg::filters
