/// The names that a request claims: the User parameter, Authorization, the client certificate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::filters {

enum class Credential : std::uint8_t { none, basic, bearer, ntlm, negotiate, unknown };

struct Claims {
    Credential credential = Credential::none;
    bool unreadable = false;         // a credential is there, but its name can't be read
    bool connection_bound = false;   // NTLM or Negotiate: the upstream connection must be pinned
    std::vector<std::string> names;  // UTF-8; every one must be permitted
};

/// Reads Authorization: Basic (RFC 7617; UTF-8, else Latin-1), Bearer (the `upn` and `unique_name` of a JWT;
/// a repeated key is refused, an opaque token is unreadable), NTLM ([MS-NLMP] 2.2.1: type 1 names nobody yet and
/// is no claim, type 3 names domain and user), Negotiate (unreadable, unless it wraps a bare NTLM message).
/// Any other scheme is unreadable. The password is not copied.
///
/// Errors: malformed for what can't be decoded (bad base64, no colon, control bytes, doubled
/// Authorization fields, repeated JSON keys).
[[nodiscard]] Result<Claims> read_claims(const http::RequestHead& head);

/// Whether `claimed` is the user that the list entry `listed` stands for. A bare entry stands for that name
/// alone or in one of `domains` (NetBIOS or DNS name, no case; empty = any); a qualified entry
/// (`CORP\alice`, `alice@corp.example`) matches only itself. Letter case doesn't count.
[[nodiscard]] bool user_matches(std::string_view listed, std::string_view claimed,
                                const std::vector<std::string>& domains);

}  // namespace eg::filters
