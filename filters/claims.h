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
    bool unreadable = false;           // a credential is there, but its name can't be read
    bool connection_bound = false;     // NTLM or Negotiate: the upstream connection must be pinned
    std::vector<std::string> names{};  // UTF-8; every one must be permitted
};

/// Tokens of more bytes than this are not looked into: their names count as unreadable.
inline constexpr std::size_t kMostTokenBytes = 16 * 1024;

/// Reads Authorization: Basic (RFC 7617; UTF-8, else Latin-1), Bearer (the `upn` and `unique_name`
/// of a JWT), NTLM ([MS-NLMP] 2.2.1: type 1 names nobody yet and is no claim, type 3 names domain
/// and user), Negotiate (unreadable, unless it wraps a bare NTLM message). An opaque token, a token
/// without a name and any other scheme are unreadable. The password is not kept.
///
/// A name that is claimed to be empty is a claim too (it matches nobody).
///
/// Errors: malformed for what can't be decoded: bad base64, no colon, control bytes, doubled
/// Authorization fields, repeated JSON keys at any depth, a `upn` beside a `UPN`.
[[nodiscard]] Result<Claims> read_claims(const http::RequestHead& head);

}  // namespace eg::filters
