/// Base64 into memory of the caller; base64_decode() in text.h returns a string. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace eg {

enum class Base64 : std::uint8_t {
    any,       // the standard or the URL-safe alphabet, not both in one text
    standard,  // RFC 4648 4 alone
};

/// Bytes that a text of this length decodes to at most.
[[nodiscard]] constexpr std::size_t base64_room(std::size_t length) {
    return length / 4 * 3 + 3;
}

/// How many bytes were written to `out`, which has base64_room(text.size()); nothing for what
/// base64_decode() refuses, and then `out` may hold a part of it.
[[nodiscard]] std::optional<std::size_t> base64_decode_into(std::string_view text, char* out,
                                                            Base64 alphabet = Base64::any);

}  // namespace eg
