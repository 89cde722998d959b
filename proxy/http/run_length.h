/// How far the bytes of one class go: chars.h for many bytes at a time.
///
/// Sixteen at a time with SSE2, which every x86-64 has; elsewhere, and for what is left over, the
/// table decides byte by byte. Both say the same of every byte (chars_test).
#pragma once

#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

#include "proxy/base/words.h"
#include "proxy/http/chars.h"

namespace eg::http {

namespace detail {

#if defined(__SSE2__)

inline constexpr std::size_t kBlock = 16;

[[nodiscard]] inline __m128i load_block(const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

// A text of at most a block, some of its bytes twice, filled up with digits: legal everywhere.
[[nodiscard]] inline __m128i gather_block(std::string_view text) {
    constexpr std::size_t kHalf = words::kBytes;
    const std::size_t size = text.size();
    std::uint64_t low = words::word_of("00000000");
    std::uint64_t high = low;
    if (size >= kHalf) {
        low = words::load(text.data());
        high = words::load(text.data() + size - kHalf);
    } else {
        low = words::load_some(text.data(), size) | low << 8 * size;
    }
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// A bit for each of 16 bytes that isn't in the class. Bytes are compared as signed numbers, so that
// 0x80 to 0xFF are below all others.
template <CharClass kWanted>
[[nodiscard]] inline unsigned odd_bytes(__m128i bytes) {
    const auto each = [](char c) { return _mm_set1_epi8(c); };
    const auto is = [&](char c) { return _mm_cmpeq_epi8(bytes, each(c)); };
    if constexpr (kWanted == kValueChar) {
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, each(0x1F)), bytes);
        const __m128i odd = _mm_or_si128(_mm_andnot_si128(is('\t'), control), is(0x7F));
        return static_cast<unsigned>(_mm_movemask_epi8(odd));
    } else if constexpr (kWanted == kTargetChar) {
        const __m128i visible = _mm_cmpgt_epi8(bytes, each(' '));
        const __m128i even = _mm_andnot_si128(_mm_or_si128(is('#'), is(0x7F)), visible);
        return static_cast<unsigned>(_mm_movemask_epi8(even)) ^ 0xFFFFU;
    } else {
        // Letters, digits and the hyphen: what names are made of, not all that they may hold.
        static_assert(kWanted == kTokenChar);
        const auto between = [&](__m128i what, char first, char last) {
            return _mm_and_si128(_mm_cmpgt_epi8(what, each(static_cast<char>(first - 1))),
                                 _mm_cmplt_epi8(what, each(static_cast<char>(last + 1))));
        };
        const __m128i letter = between(_mm_or_si128(bytes, each(0x20)), 'a', 'z');
        const __m128i even = _mm_or_si128(_mm_or_si128(letter, between(bytes, '0', '9')), is('-'));
        return static_cast<unsigned>(_mm_movemask_epi8(even)) ^ 0xFFFFU;
    }
}

#endif

}  // namespace detail

/// How many bytes at the start of `text` are of the class.
template <CharClass kWanted>
[[nodiscard]] inline std::size_t run_length(std::string_view text) {
    std::size_t at = 0;
#if defined(__SSE2__)
    while (text.size() - at >= detail::kBlock) {
        const unsigned odd = detail::odd_bytes<kWanted>(detail::load_block(text.data() + at));
        if (odd == 0) {
            at += detail::kBlock;
            continue;
        }
        at += static_cast<std::size_t>(std::countr_zero(odd));
        if (!is_in(kWanted, text[at])) {
            return at;
        }
        ++at;  // a rare member of the class
    }
#endif
    while (at < text.size() && is_in(kWanted, text[at])) {
        ++at;
    }
    return at;
}

/// all_in(), fast for long texts as well.
template <CharClass kWanted>
[[nodiscard]] inline bool is_all(std::string_view text) {
#if defined(__SSE2__)
    constexpr std::size_t kBlock = detail::kBlock;
    unsigned odd = 0;
    if (text.size() <= kBlock) {
        odd = detail::odd_bytes<kWanted>(detail::gather_block(text));
    } else {
        for (std::size_t at = 0; at + kBlock < text.size(); at += kBlock) {
            odd |= detail::odd_bytes<kWanted>(detail::load_block(text.data() + at));
        }
        odd |= detail::odd_bytes<kWanted>(detail::load_block(text.data() + text.size() - kBlock));
    }
    if (odd == 0) {
        return true;
    }
#endif
    return all_in(kWanted, text);
}

}  // namespace eg::http
