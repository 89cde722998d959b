/// User names: how they are compared with what the MDM server lists. Pure, no allocation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eg::filters {

/// Whether `claimed` is the user that the list entry `listed` stands for; both UTF-8. A bare entry
/// stands for that name alone or in one of `domains` (NetBIOS or DNS name, no case; empty = any); a
/// qualified entry (`CORP\alice`, `alice@corp.example`) matches only itself. Letter case doesn't
/// count. `\alice`, as phones without a domain write it, is the bare name; what has two separators
/// is in no domain and matches only itself.
[[nodiscard]] bool user_matches(std::string_view listed, std::string_view claimed,
                                const std::vector<std::string>& domains);

/// A hash that is the same for every two names of which user_matches() may say yes: of the name
/// without its domain, letter case aside. Indexes the devices by user (device/user_index.h).
[[nodiscard]] std::uint32_t user_key(std::string_view name);

/// Equal but for letter case in ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic (simple
/// folding of Unicode's CaseFolding.txt). Bytes that aren't UTF-8 are equal only to themselves.
[[nodiscard]] bool equal_but_for_case(std::string_view a, std::string_view b);

/// The code point that stands for a letter in both cases.
[[nodiscard]] char32_t fold(char32_t c);

}  // namespace eg::filters
