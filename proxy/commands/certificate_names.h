/// The names that a client certificate in a file claims.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "proxy/device/record.h"

namespace eg::commands {

/// The mail addresses of the first certificate of a PEM file. The error is a sentence for people.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> certificate_names(
    const std::string& file);
/// The SHA-256 of its public key, by which devices are bound.
[[nodiscard]] std::expected<device::KeyHash, std::string> certificate_key(const std::string& file);

}  // namespace eg::commands
