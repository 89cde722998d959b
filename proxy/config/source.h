/// Checks on the bytes of a configuration file before they are parsed.
#pragma once

#include <string_view>

#include "proxy/config/problem.h"

namespace eg::config {

/// Reports what no YAML file of ours may hold: bytes that are no UTF-8, control characters, tabs as
/// indentation, a bare CR, directives in the middle, a file that is too large.
void check_source(std::string_view text, Problems& problems);

/// The line with that number (from 1), without its line end; "" past the end.
[[nodiscard]] std::string_view line_of(std::string_view text, int line);

/// From a column in bytes (from 1) to one in characters, as editors count.
[[nodiscard]] int character_column(std::string_view line, int byte_column);

}  // namespace eg::config
