/// Eight bytes of text at a time, in a 64-bit word: the first byte is the lowest. Tests give a word
/// with the top bit of each byte that passes. Pure; any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace eg::words {

static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");

inline constexpr std::size_t kBytes = 8;
inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kTops = 0x8080'8080'8080'8080;

[[nodiscard]] inline std::uint64_t load(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

[[nodiscard]] inline std::uint32_t load_half(const char* at) {
    std::uint32_t half = 0;
    std::memcpy(&half, at, sizeof half);
    return half;
}

/// The first `count` bytes, 0 to 7, and zeros above them. Reads no byte beyond.
[[nodiscard]] inline std::uint64_t load_some(const char* at, std::size_t count) {
    if (count >= 4) {
        return load_half(at) | std::uint64_t{load_half(at + count - 4)} << 8 * (count - 4);
    }
    if (count == 0) {
        return 0;
    }
    const auto byte = [at](std::size_t i) {
        return std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
    };
    return byte(0) | byte(count / 2) | byte(count - 1);
}

/// A text of up to eight bytes, as a constant to compare with.
[[nodiscard]] consteval std::uint64_t word_of(std::string_view text) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        word |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
    }
    return word;
}

[[nodiscard]] constexpr bool is_ascii(std::uint64_t word) {
    return (word & kTops) == 0;
}

/// The bytes whose low seven bits are `least` (1 to 128) or more.
[[nodiscard]] constexpr std::uint64_t at_least(std::uint64_t word, unsigned least) {
    return ((word & ~kTops) + (128 - least) * kOnes) & kTops;
}

/// The ASCII bytes from `first` to `last`.
[[nodiscard]] constexpr std::uint64_t between(std::uint64_t word, unsigned first, unsigned last) {
    return at_least(word, first) & ~at_least(word, last + 1) & ~word;
}

/// Not 0 if any byte is `c`. Which one it is only the lowest bit tells.
[[nodiscard]] constexpr std::uint64_t any(std::uint64_t word, char c) {
    const std::uint64_t gap = word ^ kOnes * static_cast<unsigned char>(c);
    return (gap - kOnes) & ~gap & kTops;
}

/// The bytes below SP and DEL.
[[nodiscard]] constexpr std::uint64_t controls(std::uint64_t word) {
    return (~at_least(word, 0x20) | at_least(word, 0x7F)) & ~word & kTops;
}

[[nodiscard]] constexpr std::uint64_t lower(std::uint64_t word) {
    return word | between(word, 'A', 'Z') >> 2;
}
[[nodiscard]] constexpr std::uint64_t upper(std::uint64_t word) {
    return word & ~(between(word, 'a', 'z') >> 2);
}

/// Whether all bytes are letters and digits of ASCII.
[[nodiscard]] constexpr bool all_alnum(std::uint64_t word) {
    return (between(word, '0', '9') | between(lower(word), 'a', 'z')) == kTops;
}

/// Calls `use` with the text in words until it returns false; returns whether it never did. The
/// last word may repeat bytes of the one before, and a text of less than a word is filled up with
/// `filler`.
template <typename Use>
bool for_all(std::string_view text, char filler, Use&& use) {
    const std::size_t size = text.size();
    if (size < kBytes) {
        const std::uint64_t rest = kOnes * static_cast<unsigned char>(filler) << 8 * size;
        return size == 0 || use(load_some(text.data(), size) | rest);
    }
    for (std::size_t i = 0; i + kBytes <= size; i += kBytes) {
        if (!use(load(text.data() + i))) {
            return false;
        }
    }
    return size % kBytes == 0 || use(load(text.data() + size - kBytes));
}

}  // namespace eg::words
