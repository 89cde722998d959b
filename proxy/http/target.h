/// Request targets and percent-encoding (RFC 3986 2.1, 3.4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eg::http {

/// True if a path has one reading only: starts with '/', no '%', no backslash, no ';', no empty
/// segment but after a last '/', no segment of dots alone, no '?' or '#', no byte outside visible
/// ASCII.
[[nodiscard]] bool is_plain_path(std::string_view path);

/// Decodes %XX; '+' stays '+'. Nothing if a '%' isn't followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// Encodes everything but unreserved characters (RFC 3986 2.3).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace eg::http
