/// One line for an event: something that isn't a request.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/units.h"
#include "proxy/log/log.h"

namespace eg::log {

/// With which lines in JSON begin; the stamp follows. In text it is the stamp itself.
inline constexpr std::string_view kJsonStart = R"({"time":")";

struct Event {
    WallTime when;
    Level level = Level::info;
    std::string_view area;
    std::string_view message;
};
/// Appends the line with its newline. Order and names: docs/logs.md.
void append_event_line(std::string& out, const Event& event, std::string_view node, Format format);

}  // namespace eg::log
