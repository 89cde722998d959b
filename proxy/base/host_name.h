/// Names of hosts, as opposed to their addresses.
#pragma once

#include <string_view>

namespace eg {

/// Whether `text` is a name that DNS may hold: labels of letters, digits, '-' and '_' with dots
/// between them, at most 253 bytes, no dot at the end. What any resolver may take for an address is
/// none: a last label of digits, or one that starts with `0x` (`127.1`, `2130706433`,
/// `0x7f000001`).
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace eg
