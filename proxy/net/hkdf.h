/// The key derivation of TLS 1.3: HKDF (RFC 5869) with the labels of RFC 8446 7.1, on OpenSSL's
/// HMAC.
///
/// OpenSSL has it too, and takes 22,000 instructions for what is four blocks of SHA-256: it looks
/// up digest and MAC by name each time. There are twenty of them in a handshake, a fifth of a
/// resumed one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace eg::net {

enum class HkdfHash : std::uint8_t { sha256, sha384 };

inline constexpr std::size_t kMostHashBytes = 48;

[[nodiscard]] constexpr std::size_t bytes_of(HkdfHash hash) {
    return hash == HkdfHash::sha256 ? 32 : 48;
}
/// By OpenSSL's name of it, in any case.
[[nodiscard]] std::optional<HkdfHash> hkdf_hash(const char* name);

using Octets = std::span<const unsigned char>;

/// HKDF-Extract: `out` has bytes_of(hash). False: OpenSSL failed (no memory), and `out` is worth
/// nothing; so below.
[[nodiscard]] bool hkdf_extract(HkdfHash hash, Octets salt, Octets key_material,
                                std::span<unsigned char> out);

/// HKDF-Expand-Label, with the prefix "tls13 ": `out` has 1 to bytes_of(hash), the label at most 32
/// bytes, the context at most kMostHashBytes.
[[nodiscard]] bool hkdf_expand_label(HkdfHash hash, Octets secret, std::string_view label,
                                     Octets context, std::span<unsigned char> out);

/// The last secret of this thread goes from the memory of the MAC.
void hkdf_forget(HkdfHash hash);

}  // namespace eg::net
