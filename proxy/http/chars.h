/// The classes of bytes that heads are made of (RFC 9110 5.6.2 and 5.5, RFC 9112 3.2), as one table
/// that parser, body reader and writer share, so that none is laxer than another.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace eg::http {

enum CharClass : std::uint8_t {
    kTokenChar = 1,   // methods and field names
    kTargetChar = 2,  // visible ASCII but '#': a request target has no fragment
    kValueChar = 4,   // visible ASCII, SP, HTAB and 0x80 to 0xFF: field values, reason phrases
    kDigitChar = 8,
};

namespace detail {

consteval std::array<std::uint8_t, 256> make_char_table() {
    std::array<std::uint8_t, 256> table{};
    for (std::size_t c = 0x21; c < 0x7F; ++c) {
        table[c] = kTokenChar | kTargetChar | kValueChar;
    }
    for (const char delimiter : std::string_view("\"(),/:;<=>?@[\\]{}")) {
        table[static_cast<unsigned char>(delimiter)] &= static_cast<std::uint8_t>(~kTokenChar);
    }
    table['#'] &= static_cast<std::uint8_t>(~kTargetChar);
    table[' '] = table['\t'] = kValueChar;
    for (std::size_t c = 0x80; c < 0x100; ++c) {
        table[c] = kValueChar;
    }
    for (std::size_t c = '0'; c <= '9'; ++c) {
        table[c] |= kDigitChar;
    }
    return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharTable = make_char_table();

}  // namespace detail

[[nodiscard]] constexpr bool is_in(CharClass wanted, char c) {
    return (detail::kCharTable[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// True for the empty text too.
[[nodiscard]] constexpr bool all_in(CharClass wanted, std::string_view text) {
    return std::all_of(text.begin(), text.end(), [wanted](char c) { return is_in(wanted, c); });
}

}  // namespace eg::http
