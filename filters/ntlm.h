/// The names in NTLM messages ([MS-NLMP] 2.2.1). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/error.h"

namespace eg::filters {

inline constexpr std::string_view kNtlmSignature("NTLMSSP\0", 8);

/// The name that a client's message claims: nothing for a NEGOTIATE_MESSAGE (type 1), `DOMAIN\user`
/// or a bare `user` as UTF-8 for an AUTHENTICATE_MESSAGE (type 3); "" for an anonymous one.
/// Errors: malformed for any other type, and for names that run out of the message, aren't UTF-16,
/// or hold control characters.
[[nodiscard]] Result<std::optional<std::string>> read_ntlm(std::string_view message);

}  // namespace eg::filters
