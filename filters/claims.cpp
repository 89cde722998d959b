#include "filters/claims.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "filters/bearer.h"
#include "filters/eas/query.h"
#include "filters/ntlm.h"
#include "proxy/base/base64.h"
#include "proxy/base/scratch.h"
#include "proxy/base/text.h"

namespace eg::filters {

namespace {

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// Memory for a decoded credential; what was in it doesn't lie about afterwards.
class Decoded {
  public:
    /// Base64 as RFC 4648 4 has it: what servers make of the URL-safe alphabet here differs.
    explicit Decoded(std::string_view text) : room_(base64_room(text.size())), memory_(room_) {
        if (!text.empty()) {
            size_ = base64_decode_into(text, memory_.data(), Base64::standard);
        }
    }
    ~Decoded() { explicit_bzero(memory_.data(), room_); }
    Decoded(const Decoded&) = delete;
    Decoded& operator=(const Decoded&) = delete;

    [[nodiscard]] bool good() const { return size_.has_value(); }
    [[nodiscard]] std::string_view bytes() { return {memory_.data(), size_.value_or(0)}; }

  private:
    static constexpr std::size_t kUsualBytes = 256;
    std::size_t room_;
    Scratch<kUsualBytes> memory_;
    std::optional<std::size_t> size_;
};

Result<void> read_basic(std::string_view text, Claims& claims) {
    claims.credential = Credential::basic;
    Decoded decoded(text);
    if (!decoded.good()) {
        return malformed("Basic credentials that are not base64");
    }
    // What follows the first colon is the password.
    const std::string_view bytes = decoded.bytes();
    const std::size_t colon = bytes.find(':');
    if (colon == std::string_view::npos || eas::has_control_bytes(bytes)) {
        return malformed("Basic credentials without a colon or with control bytes");
    }
    eas::set_utf8(claims.names.add(), bytes.substr(0, colon));
    return {};
}

Result<void> read_ntlm_message(std::string_view message, Claims& claims) {
    claims.connection_bound = true;
    const Result<std::optional<std::string>> name = read_ntlm(message);
    if (!name) {
        return std::unexpected(name.error());
    }
    if (*name) {
        claims.names.add() = **name;
    }
    return {};
}

Result<void> read_bare_ntlm(std::string_view text, Claims& claims) {
    claims.credential = Credential::ntlm;
    Decoded message(text);
    return message.good() ? read_ntlm_message(message.bytes(), claims)
                          : malformed("NTLM credentials that are not base64");
}

Result<void> read_negotiate(std::string_view text, Claims& claims) {
    claims.credential = Credential::negotiate;
    Decoded message(text);
    if (!message.good()) {
        return malformed("Negotiate credentials that are not base64");
    }
    if (message.bytes().starts_with(kNtlmSignature)) {
        return read_ntlm_message(message.bytes(), claims);
    }
    claims.unreadable = true;
    claims.connection_bound = true;
    return {};
}

Result<void> read_bearer_token(std::string_view token, Claims& claims) {
    claims.credential = Credential::bearer;
    const Result<std::vector<std::string>> names = read_bearer(token);
    if (!names) {
        return std::unexpected(names.error());
    }
    claims.unreadable = names->empty();
    for (const std::string& name : *names) {
        claims.names.add() = name;
    }
    return {};
}

}  // namespace

Result<Claims> read_claims(const http::RequestHead& head) {
    Claims claims;
    if (const Result<void> read = read_claims(head, claims); !read) {
        return std::unexpected(read.error());
    }
    return claims;
}

Result<void> read_claims(const http::RequestHead& head, Claims& claims) {
    const http::Field* field = nullptr;
    for (const http::Field& each : head.fields) {
        if (each.id != http::FieldName::authorization) {
            continue;
        }
        if (field != nullptr) {
            return malformed("several Authorization fields");
        }
        field = &each;
    }
    if (field == nullptr) {
        return {};
    }
    const std::string_view value = field->value;
    const auto ends = [](char c) { return c == ' ' || c == '\t'; };
    const auto space =
        static_cast<std::size_t>(std::find_if(value.begin(), value.end(), ends) - value.begin());
    const std::string_view scheme = value.substr(0, space);
    const std::string_view rest = trim(value.substr(space));
    if (iequals(scheme, "Basic")) {
        return read_basic(rest, claims);
    }
    if (iequals(scheme, "Bearer")) {
        return read_bearer_token(rest, claims);
    }
    if (iequals(scheme, "Negotiate")) {
        return read_negotiate(rest, claims);
    }
    if (iequals(scheme, "NTLM")) {
        return read_bare_ntlm(rest, claims);
    }
    claims.credential = Credential::unknown;
    claims.unreadable = true;
    return {};
}

}  // namespace eg::filters
