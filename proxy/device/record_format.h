/// How a record lies in memory and in the state file: one run of bytes, packed, read in place.
///
///     byte      state in the low three bits; kTextId if the id consists of letters and digits
///     number    length of the id, then its bytes as the MDM server wrote them
///     number    length of the reason, then its bytes
///     number    how many users; for each a number, its length, and its bytes
///     number    how many keys; for each 32 bytes, the SHA-256 of the key
///
/// A number is unsigned, seven bits a byte, lowest first, the top bit set in all but its last byte;
/// at most three bytes, for a record has at most kMostRecordBytes. A packed record beats a struct
/// of strings by four times, and a table of them is freed in a moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/device/record.h"

namespace eg::device::format {

inline constexpr std::size_t kMostRecordBytes =
    128 * 1024;  // a line of the feed has 64 KiB at most
inline constexpr unsigned char kStateMask = 0x07;
inline constexpr unsigned char kTextId = 0x08;
inline constexpr unsigned char kMostState = static_cast<unsigned char>(State::removed);

/// Reads a number at `at` and moves behind it. Only for bytes that check() accepted.
[[nodiscard]] inline std::size_t read_number(const unsigned char*& at) {
    std::size_t value = *at & 0x7FU;
    unsigned shift = 7;
    while ((*at++ & 0x80U) != 0) {
        value |= static_cast<std::size_t>(*at & 0x7FU) << shift;
        shift += 7;
    }
    return value;
}

/// Reads a length and that many bytes. Only for bytes that check() accepted.
[[nodiscard]] inline std::string_view read_text(const unsigned char*& at) {
    const std::size_t size = read_number(at);
    const std::string_view text(reinterpret_cast<const char*>(at), size);
    at += size;
    return text;
}

[[nodiscard]] inline std::string_view read_id(const unsigned char* record) {
    return read_text(++record);
}

/// Appends the record to `out`; false, with `out` unchanged, if it has no id or is too large.
[[nodiscard]] bool encode(const RecordParts& record, std::vector<unsigned char>& out);

/// The length of the record that starts `bytes`, or nothing if none does. For bytes from outside.
[[nodiscard]] std::optional<std::size_t> check(std::span<const unsigned char> bytes);

}  // namespace eg::device::format
