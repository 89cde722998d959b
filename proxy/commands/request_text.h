/// The bytes of a request head from what people type or keep in a file.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace eg::commands {

/// `request`: a request line, to which the headers, a Host field if none is given, and the end are
/// added; or `@FILE` with a whole head, to which only the headers and, if it is missing, the end
/// are, and a body, if one follows, is kept. A file that an editor saved with bare line feeds gets
/// the line ends of HTTP. Nothing else is mended: what is malformed stays so. The error is a
/// sentence for people: the file can't be read, or is larger than 128 KiB.
[[nodiscard]] std::expected<std::string, std::string> request_text(
    const std::string& request, const std::vector<std::string>& headers);

}  // namespace eg::commands
