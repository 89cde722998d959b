#include "filters/claims.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "filters/bearer.h"
#include "filters/eas/query.h"
#include "filters/ntlm.h"
#include "proxy/base/text.h"

namespace eg::filters {

namespace {

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// Base64 as RFC 4648 4 has it: what servers make of the URL-safe alphabet here differs.
std::optional<std::string> decode(std::string_view text) {
    if (text.empty() || text.find_first_of("-_") != std::string_view::npos) {
        return std::nullopt;
    }
    return base64_decode(text);
}

Result<Claims> read_basic(std::string_view text) {
    std::optional<std::string> decoded = decode(text);
    if (!decoded) {
        return malformed("Basic credentials that are not base64");
    }
    const std::size_t colon = decoded->find(':');
    const bool control = eas::has_control_bytes(*decoded);
    std::string name = decoded->substr(0, colon);
    // The rest is the password, which must not lie about in freed memory.
    for (volatile char& c : *decoded) {
        c = '\0';
    }
    if (colon == std::string::npos || control) {
        return malformed("Basic credentials without a colon or with control bytes");
    }
    eas::make_utf8(name);
    Claims claims{.credential = Credential::basic};
    claims.names.push_back(std::move(name));
    return claims;
}

Result<Claims> read_ntlm_message(std::string_view message, Credential credential) {
    Result<std::optional<std::string>> name = read_ntlm(message);
    if (!name) {
        return std::unexpected(name.error());
    }
    Claims claims{.credential = credential, .connection_bound = true};
    if (*name) {
        claims.names.push_back(std::move(**name));
    }
    return claims;
}

Result<Claims> read_negotiate(std::string_view text) {
    const std::optional<std::string> message = decode(text);
    if (!message) {
        return malformed("Negotiate credentials that are not base64");
    }
    if (message->starts_with(kNtlmSignature)) {
        return read_ntlm_message(*message, Credential::negotiate);
    }
    return Claims{
        .credential = Credential::negotiate, .unreadable = true, .connection_bound = true};
}

Result<Claims> read_bearer_token(std::string_view token) {
    Result<std::vector<std::string>> names = read_bearer(token);
    if (!names) {
        return std::unexpected(names.error());
    }
    return Claims{
        .credential = Credential::bearer, .unreadable = names->empty(), .names = std::move(*names)};
}

}  // namespace

Result<Claims> read_claims(const http::RequestHead& head) {
    const http::Field* field = head.fields.find(http::FieldName::authorization);
    if (field == nullptr) {
        return Claims{};
    }
    if (head.fields.count(http::FieldName::authorization) > 1) {
        return malformed("several Authorization fields");
    }
    const std::string_view value = field->value;
    const std::size_t space = std::min(value.find_first_of(" \t"), value.size());
    const std::string_view scheme = value.substr(0, space);
    const std::string_view rest = trim(value.substr(space));
    if (iequals(scheme, "Basic")) {
        return read_basic(rest);
    }
    if (iequals(scheme, "Bearer")) {
        return read_bearer_token(rest);
    }
    if (iequals(scheme, "Negotiate")) {
        return read_negotiate(rest);
    }
    if (iequals(scheme, "NTLM")) {
        const std::optional<std::string> message = decode(rest);
        return message ? read_ntlm_message(*message, Credential::ntlm)
                       : malformed("NTLM credentials that are not base64");
    }
    return Claims{.credential = Credential::unknown, .unreadable = true};
}

}  // namespace eg::filters
