/// The lines that a gate reports (docs/mdm-api.md, "Observations"), parsed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mdm/store/observations.h"

namespace eg::mdm {

/// Longest line that is looked at, and longest text of it that is kept, in bytes.
inline constexpr std::size_t kMostLineBytes = 16 * 1024;
inline constexpr std::size_t kMostTextBytes = 512;

struct ParsedReport {
    Report report;
    std::int64_t bad_lines = 0;  // skipped
};

/// A line with an `id` is a device; one with a `node` and no id are facts of the reporting node;
/// lines that are neither, or no JSON object, are counted as bad. `now` in epoch seconds: what
/// claims to be later is taken as now.
[[nodiscard]] ParsedReport parse_report(std::string_view body, std::int64_t now);

/// RFC 3339 5.6, to whole seconds since the epoch; nothing for anything else.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace eg::mdm
