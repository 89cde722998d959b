/// The names that a request claims: the User parameter, Authorization, the client certificate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/base/error.h"
#include "proxy/base/small_text.h"
#include "proxy/http/head.h"

namespace eg::filters {

enum class Credential : std::uint8_t { none, basic, bearer, ntlm, negotiate, unknown };

/// Names in the order in which they were claimed: no credential claims more than a token's two.
class Names {
  public:
    static constexpr std::size_t kMost = 2;
    Names() = default;
    Names(std::initializer_list<std::string_view> names) {
        for (const std::string_view name : names) {
            add() = name;
        }
    }
    /// Another one, empty at first. At most kMost.
    [[nodiscard]] ShortText& add() {
        EG_CHECK(count_ < kMost);
        return list_[count_++];
    }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::string_view front() const { return list_.front(); }
    [[nodiscard]] const ShortText* begin() const { return list_.data(); }
    [[nodiscard]] const ShortText* end() const { return list_.data() + count_; }

  private:
    std::array<ShortText, kMost> list_{};
    std::size_t count_ = 0;
};

struct Claims {
    Credential credential = Credential::none;
    bool unreadable = false;        // a credential is there, but its name can't be read
    bool connection_bound = false;  // NTLM or Negotiate: the upstream connection must be pinned
    Names names{};                  // UTF-8; every one must be permitted
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
/// The same into fresh `claims`, which are of no use after an error.
[[nodiscard]] Result<void> read_claims(const http::RequestHead& head, Claims& claims);

}  // namespace eg::filters
