/// Local wall time as log lines write it. Any thread; the last second is kept per thread, since the
/// time zone is looked up under a lock of the C library.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/units.h"

namespace eg::log {

/// `2026-11-22T04:51:51.123+01:00` (RFC 3339 5.6), always this long.
inline constexpr std::size_t kStampLength = 29;
/// The date at the start of a stamp, `2026-11-22`.
inline constexpr std::size_t kDateLength = 10;

/// Appends the stamp of `when` in the local time zone. Years outside 0 to 9999 are written as
/// those.
void append_stamp(std::string& out, WallTime when);
/// The same into memory with room for kStampLength; where it ends.
char* write_stamp(char* out, WallTime when);

}  // namespace eg::log
