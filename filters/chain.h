/// The filters in their order. First refusal wins; a request that none refuses is allowed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

/// A filter is a pure function of the facts: Reason::none where it has no objection.
using FilterFunction = Reason (*)(const Facts& facts);

struct Filter {
    const char* name;  // static; in the access line, the metrics and `explain`
    FilterFunction judge;
    const char* question;  // what it asks, for `explain`: "Is the device known and permitted?"
    /// Observe mode notes what it says instead of refusing. Only for rules about device, user and
    /// user agent: what protects the mail server and its protocol is never relaxed.
    bool relaxable = false;
    /// Whether it can object at all under the rules; null: it always can. Those of one service
    /// rely on service_of(), which gives a service only where the same rule publishes it.
    bool (*is_on)(const Rules& rules) = nullptr;
};

/// All filters in the order in which they are asked: states (age), path, method, device, user,
/// user_agent… Malformed requests never get here. Stale states come first: 503 also where several
/// reasons apply.
[[nodiscard]] std::span<const Filter> filters();

/// Rules::asked for those rules: all filters but those that are off.
[[nodiscard]] std::uint32_t needed_filters(const Rules& rules);

/// Whether an objection of `filter` is only noted: in observe mode, but never for EWS and Traveler.
[[nodiscard]] bool is_relaxed(const Filter& filter, const Facts& facts);

/// Asks each filter that Rules::asked names in turn. Where the rules say `observe`, the first
/// objection of a relaxable filter goes to Verdict::observed. Pure; no allocation.
[[nodiscard]] Verdict judge(const Facts& facts);

struct TraceLine {
    const char* filter;
    const char* question;
    Reason reason;  // none = no objection
};
/// Asks every filter, also after a refusal, for `easgate explain`.
[[nodiscard]] std::vector<TraceLine> trace(const Facts& facts);

}  // namespace eg::filters
