#include "proxy/base/decimal.h"

#include <array>
#include <charconv>
#include <chrono>

namespace eg {

void append_decimal(std::string& out, std::uint64_t value) {
    std::array<char, kDecimalBytes> digits;
    out.append(digits.data(), write_decimal(digits.data(), value));
}

char* write_decimal(char* out, std::uint64_t value) {
    if (value < 1000) {  // most of them are
        return write_digits(out, value, value < 10 ? 1 : value < 100 ? 2 : 3);
    }
    return std::to_chars(out, out + kDecimalBytes, value).ptr;
}

char* write_digits(char* out, std::uint64_t value, unsigned count) {
    for (unsigned i = count; i > 0; --i) {
        out[i - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

void append_utc(std::string& out, WallTime when) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(when);
    const auto days = std::chrono::floor<std::chrono::days>(whole);
    const std::chrono::year_month_day date(days);
    const auto of_day = static_cast<std::uint64_t>((whole - days).count());  // milliseconds
    std::array<char, sizeof "2026-11-22T04:51:51.123Z" - 1> text{};
    const auto part = [](char* at, std::uint64_t value, unsigned count, char then) {
        at = write_digits(at, value, count);
        *at = then;
        return at + 1;
    };
    char* at = part(text.data(), static_cast<unsigned>(int{date.year()}), 4, '-');
    at = part(at, unsigned{date.month()}, 2, '-');
    at = part(at, unsigned{date.day()}, 2, 'T');
    at = part(at, of_day / 3'600'000, 2, ':');
    at = part(at, of_day / 60'000 % 60, 2, ':');
    at = part(at, of_day / 1000 % 60, 2, '.');
    part(at, of_day % 1000, 3, 'Z');
    out.append(text.data(), text.size());
}

}  // namespace eg
