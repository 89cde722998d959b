/// What a device may look like, wherever it comes from: the command line, a file, later the portal.
/// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/device/record.h"

namespace eg::mdm {

inline constexpr std::size_t kMostIdBytes = 255;
inline constexpr std::size_t kMostUserBytes = 255;
inline constexpr std::size_t kMostUsers = 100;
inline constexpr std::size_t kMostReasonBytes = 500;

/// The states that an administrator can give: all but `removed`. Nothing for any other word.
[[nodiscard]] std::optional<device::State> state_of_word(std::string_view word);
/// `allow, deny, non_compliant, wipe`, for messages.
[[nodiscard]] std::string_view known_states();

/// A sentence without a full stop that says what can't be stored, or nothing if all is well.
[[nodiscard]] std::optional<std::string> what_is_wrong(const device::Record& record);

/// Whether the text is UTF-8 without control characters.
[[nodiscard]] bool is_clean_text(std::string_view text);

}  // namespace eg::mdm
