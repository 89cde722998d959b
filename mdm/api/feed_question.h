/// What a gate asks of the feed: `since` and `wait` of the query. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace eg::mdm {

/// Longest time that a request is held; a longer wish is cut to it.
inline constexpr std::chrono::seconds kLongestWait{300};

struct FeedQuestion {
    std::optional<std::string> since;  // nothing: everything is wanted
    std::chrono::seconds wait{0};      // 0 to kLongestWait
};

/// Nothing if the query can't be read: a broken percent-encoding, a parameter twice, a `wait` that
/// is no number. Unknown parameters are ignored, so that later gates may ask for more.
[[nodiscard]] std::optional<FeedQuestion> parse_question(std::string_view query);

}  // namespace eg::mdm
