/// Checks of one row of a table of heads. Each row is tried whole and in every split in two, byte
/// by byte too: no attack may depend on how its bytes are cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "tests/support/http_outcome.h"

namespace eg::test {

inline constexpr std::string_view kBadRequest = "client malformed";
inline constexpr std::string_view kLargeRequest = "client too large";
inline constexpr std::string_view kOtherVersion = "client unsupported";
inline constexpr std::string_view kBadAnswer = "upstream malformed";
inline constexpr std::string_view kNeedMore = "need more";

/// Control bytes made visible, for messages.
inline std::string visible(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += byte >= 0x20 && byte < 0x7F ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
    return text;
}

/// The outcome of `bytes`, which must be the same in whatever pieces they come.
template <typename Head>
std::string any_split(std::string_view bytes, const http::HeadLimits& limits = {}) {
    INFO(visible(bytes));
    const std::string whole = head_outcome<Head>(bytes, {}, limits);
    for (std::size_t split = 0; split < bytes.size(); ++split) {
        if (head_outcome<Head>(bytes, {split}, limits) != whole) {
            FAIL_CHECK("another outcome when split at " << split);
        }
    }
    CHECK(head_outcome<Head>(bytes, every(1, bytes.size()), limits) == whole);
    return whole;
}

inline void check_request(std::string_view bytes, std::string_view outcome) {
    INFO(visible(bytes));
    CHECK(any_split<http::RequestHead>(bytes) == outcome);
}

inline void check_answer(std::string_view bytes, std::string_view outcome) {
    INFO(visible(bytes));
    CHECK(any_split<http::ResponseHead>(bytes) == outcome);
}

/// A head that must parse, to look at.
template <typename Head>
Head parsed(std::string_view bytes) {
    http::HeadScan scan;
    Head head;
    const auto taken = parse(bytes, http::HeadLimits{}, scan, head);
    INFO(visible(bytes));
    CHECK(taken.value_or(0) == bytes.size());
    return head;
}

}  // namespace eg::test
