/// The names in a Bearer token that is a JSON web token (RFC 7519). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace eg::filters {

/// The `upn` and the `unique_name` of the token's payload; its signature is the mail server's
/// affair. Nothing where the token is opaque, longer than kMostTokenBytes, or names nobody. Errors:
/// malformed where a key is repeated at any depth, where the two keys stand there twice in
/// different letter case, and where a name has control characters.
[[nodiscard]] Result<std::vector<std::string>> read_bearer(std::string_view token);

}  // namespace eg::filters
