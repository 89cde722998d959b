#include "proxy/base/units.h"

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg {

namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

// Largest first, so that printing finds the shortest form.
constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kSizes{
    {{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text,
                                             const std::array<Unit, N>& units, bool unit_optional) {
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) {
        ++digits;
    }
    const auto number = parse_unsigned(text.substr(0, digits));
    const std::string_view unit = text.substr(digits);
    if (!number) {
        return std::nullopt;
    }
    if (unit.empty() && (unit_optional || *number == 0)) {
        return number;
    }
    for (const auto& [name, factor] : units) {
        if (unit == name) {
            constexpr auto kMost =
                static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
            if (*number > kMost / factor) {
                return std::nullopt;
            }
            return *number * factor;
        }
    }
    return std::nullopt;
}

template <std::size_t N>
std::string print_with_unit(std::uint64_t value, const std::array<Unit, N>& units) {
    for (const auto& [name, factor] : units) {
        if (value >= factor && value % factor == 0) {
            return fmt::format("{}{}", value / factor, name);
        }
    }
    return fmt::format("0{}", units[N == 5 ? 3 : N - 1].first);
}

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
    const auto value = parse_with_unit(text, kDurations, false);
    if (!value) {
        return std::nullopt;
    }
    return Milliseconds(static_cast<std::int64_t>(*value));
}

std::string print_duration(Milliseconds duration) {
    // Days are read but not printed: administrators say 24h.
    const auto value = static_cast<std::uint64_t>(duration.count());
    if (value >= 86'400'000 && value % 3'600'000 == 0) {
        return fmt::format("{}h", value / 3'600'000);
    }
    return print_with_unit(value, kDurations);
}

std::optional<Bytes> parse_size(std::string_view text) {
    const auto value = parse_with_unit(text, kSizes, true);
    if (!value) {
        return std::nullopt;
    }
    return Bytes{*value};
}

std::string print_size(Bytes size) {
    return print_with_unit(size.count, kSizes);
}

}  // namespace eg
