/// ASCII text helpers: no locale, no allocation unless a string is returned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eg {

[[nodiscard]] constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool is_alnum(char c) {
    return is_digit(c) || is_alpha(c);
}
[[nodiscard]] constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] constexpr char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}
/// The value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Equal but for the case of ASCII letters.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b);
[[nodiscard]] bool istarts_with(std::string_view text, std::string_view prefix);

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string upper(std::string_view text);

/// Without leading and trailing spaces and tabs (OWS of RFC 9110 5.6.3).
[[nodiscard]] std::string_view trim(std::string_view text);

/// Digits only, no sign, no space; nothing on overflow or an empty text.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text);

/// Upper-case hexadecimal digits, two a byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);

/// Standard base64 alphabet with padding.
[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// Accepts the standard and the URL-safe alphabet, with right padding or none; nothing if any
/// other byte stands in it, if both alphabets are mixed, or if unused bits are not zero.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// True if the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view bytes);

/// The nearest of `candidates` to `word`, or nothing if none is near (for "did you mean").
template <typename Range>
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      const Range& candidates);
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

template <typename Range>
std::optional<std::string_view> nearest(std::string_view word, const Range& candidates) {
    std::optional<std::string_view> best;
    std::size_t best_distance = word.size() / 3 + 2;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace eg
