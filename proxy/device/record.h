/// What the MDM server says of a device, and how device ids are compared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eg::device {

enum class State : std::uint8_t { allow, deny, non_compliant, wipe, removed };
[[nodiscard]] std::string_view to_string(State state);
/// An unknown word is `deny`.
[[nodiscard]] State parse_state(std::string_view word);

using KeyHash = std::array<unsigned char, 32>;  // SHA-256 of a public key (SubjectPublicKeyInfo)
/// Lower-case hexadecimal digits; parse_key() takes either case, and nothing else.
[[nodiscard]] std::string key_text(const KeyHash& key);
[[nodiscard]] std::optional<KeyHash> parse_key(std::string_view hex);

/// One line of the feed, or one device as the API and `easgate devices` show it.
struct Record {
    std::string id;                  // as the MDM server wrote it
    std::vector<std::string> users;  // empty: any user
    State state = State::deny;
    std::string reason;         // free text of the MDM server
    std::vector<KeyHash> keys;  // empty: not bound by the MDM server
};

/// The form in which ids are compared: letters and digits are their own text, in upper case; any
/// other bytes are their upper-case hexadecimal digits (docs: "Who", 16 raw bytes equal their 32
/// digits).
[[nodiscard]] std::string canonical_id(std::string_view id);

/// Letters and digits of ASCII only: such an id is its own text.
[[nodiscard]] bool is_text_id(std::string_view id);

/// A record in the hands of somebody else: views, valid as long as what they point into.
struct RecordParts {
    std::string_view id;
    std::span<const std::string_view> users;
    State state = State::deny;
    std::string_view reason;
    std::span<const KeyHash> keys;
};

}  // namespace eg::device
