/// Sizes and durations as the configuration writes them: `64KiB`, `10m`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eg {

using Milliseconds = std::chrono::milliseconds;
using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// A number of bytes.
struct Bytes {
    std::uint64_t count = 0;
    friend constexpr bool operator==(Bytes, Bytes) = default;
    friend constexpr auto operator<=>(Bytes, Bytes) = default;
};
[[nodiscard]] constexpr Bytes kibibytes(std::uint64_t n) {
    return Bytes{n * 1024};
}
[[nodiscard]] constexpr Bytes mebibytes(std::uint64_t n) {
    return Bytes{n * 1024 * 1024};
}

/// `<digits><unit>` with unit ms, s, m, h or d; `0` needs no unit. Nothing on anything else.
[[nodiscard]] std::optional<Milliseconds> parse_duration(std::string_view text);
/// The shortest text that `parse_duration` reads back: `90s`, `24h`, `1500ms`.
[[nodiscard]] std::string print_duration(Milliseconds duration);

/// `<digits>[B|KiB|MiB|GiB]`; a bare number is bytes. Nothing on anything else or overflow.
[[nodiscard]] std::optional<Bytes> parse_size(std::string_view text);
[[nodiscard]] std::string print_size(Bytes size);

}  // namespace eg
