/// Numbers and times in decimal, appended without a format string: many lines are written in a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/units.h"

namespace eg {

void append_decimal(std::string& out, std::uint64_t value);
/// The same into memory with room for kDecimalBytes; where it ends.
char* write_decimal(char* out, std::uint64_t value);
inline constexpr std::size_t kDecimalBytes = 20;

/// Writes the last `count` digits of `value`, with leading zeros, to `out`; where they end.
char* write_digits(char* out, std::uint64_t value, unsigned count);

/// `2026-11-22T04:51:51.123Z` (RFC 3339 5.6). A WallTime lies between the years 1677 and 2262.
void append_utc(std::string& out, WallTime when);

}  // namespace eg
