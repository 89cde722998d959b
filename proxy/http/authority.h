/// The host and port of a Host field or an absolute-form target, as views.
#pragma once

#include <optional>
#include <string_view>

namespace eg::http {

struct Authority {
    std::string_view host;  // an IPv6 address with its brackets
    std::string_view port;  // "" if none is given
};

/// Reads `host[:port]` of RFC 9110 7.2, narrowed to names as DNS has them, IPv4 addresses and
/// bracketed IPv6 addresses; the port, if there is a colon, is 1 to 65535 without leading zeros.
/// Nothing on anything else: user information, lists, spaces, percent-encoding, an empty host.
[[nodiscard]] std::optional<Authority> read_authority(std::string_view text);

}  // namespace eg::http
