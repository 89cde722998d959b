#include "filters/chain.h"

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

constexpr std::array<Filter, 14> kFilters{{
    {"states", judge_states, "Are the device states known and recent?"},
    {"path", judge_path, "Is the path published?"},
    {"method", judge_method, "Is the method one that its clients use?"},
    {"command", judge_command, "Is the command one of ActiveSync's?"},
    {"version", judge_version, "Is the protocol version permitted?"},
    {"device", judge_device, "Is the device known and permitted?", true},
    {"traveler", judge_traveler, "Traveler: may it come from this device, or without naming one?"},
    {"ews", judge_ews, "EWS: may it be a push subscription, of a user with a permitted device?"},
    {"autodiscover", judge_autodiscover, "Autodiscover: can it be taken for nothing else?"},
    {"user", judge_user, "May every claimed user use this device?", true},
    {"binding", judge_binding, "Is it used by whom, and with the key, that it is bound to?", true},
    {"user_agent", judge_user_agent, "Is the user agent on the list?", true},
    {"device_type", judge_device_type, "Is the device type on the list?", true},
    {"secure_email", judge_secure_email, "Is it the secure e-mail app, if only that is permitted?",
     true},
}};

}  // namespace

bool is_relaxed(const Filter& filter, const Facts& facts) {
    return facts.rules->observe && filter.relaxable && facts.service != Service::ews &&
           facts.service != Service::traveler;
}

std::span<const Filter> filters() {
    return kFilters;
}

Verdict judge(const Facts& facts) {
    Verdict allowed;
    for (const Filter& filter : kFilters) {
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
