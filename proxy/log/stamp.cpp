#include "proxy/log/stamp.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "proxy/base/decimal.h"

namespace eg::log {
namespace {

constexpr std::size_t kSecondLength = 19;  // 2026-11-22T04:51:51
constexpr std::size_t kZoneLength = 6;     // +01:00
static_assert(kStampLength == kSecondLength + 4 + kZoneLength);

/// Everything of a stamp that stays the same for a second.
struct Second {
    std::int64_t seconds = std::numeric_limits<std::int64_t>::min();
    std::array<char, kSecondLength> text{};
    std::array<char, kZoneLength> zone{};
};

void fill(Second& second, std::int64_t seconds) {
    second.seconds = seconds;
    const std::time_t when = seconds;
    std::tm parts{};
    localtime_r(&when, &parts);
    char* text = second.text.data();
    write_digits(text, static_cast<unsigned>(std::clamp(parts.tm_year + 1900, 0, 9999)), 4);
    text[4] = '-';
    write_digits(text + 5, static_cast<unsigned>(parts.tm_mon + 1), 2);
    text[7] = '-';
    write_digits(text + 8, static_cast<unsigned>(parts.tm_mday), 2);
    text[10] = 'T';
    write_digits(text + 11, static_cast<unsigned>(parts.tm_hour), 2);
    text[13] = ':';
    write_digits(text + 14, static_cast<unsigned>(parts.tm_min), 2);
    text[16] = ':';
    write_digits(text + 17, static_cast<unsigned>(parts.tm_sec), 2);

    const long offset_minutes = parts.tm_gmtoff / 60;
    const auto distance = static_cast<unsigned>(std::labs(offset_minutes));
    char* zone = second.zone.data();
    zone[0] = offset_minutes < 0 ? '-' : '+';
    write_digits(zone + 1, distance / 60, 2);
    zone[3] = ':';
    write_digits(zone + 4, distance % 60, 2);
}

}  // namespace

char* write_stamp(char* out, WallTime when) {
    thread_local Second cached;
    const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    if (cached.seconds != seconds.count()) {
        fill(cached, seconds.count());
    }
    out = std::copy(cached.text.begin(), cached.text.end(), out);
    *out++ = '.';
    out = write_digits(out, static_cast<unsigned>((since_epoch - seconds).count()), 3);
    return std::copy(cached.zone.begin(), cached.zone.end(), out);
}

void append_stamp(std::string& out, WallTime when) {
    std::array<char, kStampLength> text;
    out.append(text.data(), write_stamp(text.data(), when));
}

}  // namespace eg::log
