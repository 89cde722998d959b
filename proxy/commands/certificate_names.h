/// The names that a client certificate in a file claims.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace eg::commands {

/// The mail addresses of the first certificate of a PEM file. The error is a sentence for people.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> certificate_names(
    const std::string& file);

}  // namespace eg::commands
