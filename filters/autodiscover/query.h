/// The query of an Autodiscover request of version 2: `Email=…&Protocol=ActiveSync`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eg::filters::autodiscover {

/// Decoded; "" where it is missing.
struct Query {
    std::string email;
    std::string protocol;
};

/// Names in any letter case; other parameters (RedirectCount …) are read and not looked at.
///
/// Nothing for what has two readings or leads elsewhere: a parameter without '=', a repeated one,
/// odd percent-encoding, an '@' outside of Email, an Email that is_address() doesn't know.
[[nodiscard]] std::optional<Query> read_query(std::string_view query);

/// Whether a server may find an '@' in `text`, however often it decodes it: an '@', a '%' that
/// stands for one or for another '%', or percent-encoding that is odd. Exchange took what followed
/// an '@' in such a query for another path (CVE-2021-34473).
[[nodiscard]] bool may_hold_at_sign(std::string_view text);

}  // namespace eg::filters::autodiscover
