/// An access line read back from the log, in either format (docs/logs.md). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eg::commands {

/// The values that a look back needs, escaped as in a text line: harmless on a terminal. Empty
/// values are `-`.
struct AccessLine {
    std::string time;
    std::string instance;
    std::string user;
    std::string device_id;
    std::string user_agent;
    std::string verdict;
    std::string reason;
    std::uint64_t requests = 1;  // more where a running node counts them
};

/// Nothing for any other line: an event, a line that was cut off, something foreign. `line` is
/// without its line end.
[[nodiscard]] std::optional<AccessLine> read_access_line(std::string_view line);

}  // namespace eg::commands
