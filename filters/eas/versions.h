/// The versions of ActiveSync, and those of them that an instance permits (`protocol_versions`).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/small_text.h"

namespace eg::filters::eas {

/// 25, 120, 121, 140, 141, 160, 161: the versions as a base64 query writes them.
[[nodiscard]] bool is_version(std::uint16_t version);
/// `14.1` for 141; "" for what is no version.
[[nodiscard]] std::string_view version_text(std::uint16_t version);
/// 141 for `14.1`; 0 for what is no version.
[[nodiscard]] std::uint16_t version_number(std::string_view text);

/// A value.
class VersionSet {
  public:
    /// Every version.
    VersionSet() = default;
    /// `names`: as `14.1`; what is none is left out. Empty: every version.
    explicit VersionSet(std::span<const std::string> names);

    [[nodiscard]] bool is_every() const { return bits_ == 0; }
    /// `version`: as in EasRequest.
    [[nodiscard]] bool contains(std::uint16_t version) const;
    /// Those of a server's list (`12.1,14.0,14.1`) that are permitted, in its order, each once; may
    /// be empty. Not for every version.
    [[nodiscard]] ShortText narrow(std::string_view list) const;

  private:
    std::uint8_t bits_ = 0;  // by the order of the versions; 0 = every one
};

}  // namespace eg::filters::eas
