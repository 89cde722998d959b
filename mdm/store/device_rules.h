/// What a device may look like, wherever it comes from: the command line, a file, later the portal.
/// Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/device/record.h"

namespace eg::mdm {

inline constexpr std::size_t kMostIdBytes = 255;
inline constexpr std::size_t kMostUserBytes = 255;
inline constexpr std::size_t kMostUsers = 100;
inline constexpr std::size_t kMostReasonBytes = 500;
inline constexpr std::size_t kMostKeys = 20;

/// The states that an administrator can give: all but `removed`. Nothing for any other word.
[[nodiscard]] std::optional<device::State> state_of_word(std::string_view word);
/// `allow, deny, non_compliant, wipe`, for messages.
[[nodiscard]] std::string_view known_states();

/// Keys in hexadecimal, parted by a space each, and back. Words that are no key give nothing.
[[nodiscard]] std::string key_list(std::span<const device::KeyHash> keys);
[[nodiscard]] std::optional<std::vector<device::KeyHash>> keys_of_list(std::string_view text);
/// The same of what the database holds. Throws std::runtime_error for what key_list() never writes:
/// a device must not lose its keys, and with them the rule that only they may use it.
[[nodiscard]] std::vector<device::KeyHash> stored_keys(std::string_view text);

/// A sentence without a full stop that says what can't be stored, or nothing if all is well.
[[nodiscard]] std::optional<std::string> what_is_wrong(const device::Record& record);

/// Whether the text is UTF-8 without control characters.
[[nodiscard]] bool is_clean_text(std::string_view text);

}  // namespace eg::mdm
