/// Asks the running node over its control socket. Blocks, bounded in time; runs on the calling
/// thread.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace eg::commands {

inline constexpr const char* kDefaultConfig = "/etc/easgate/easgate.yaml";

/// The path of the control socket that a configuration file names. It need not be free of errors:
/// the node may run with what it read before. The error is a sentence for people.
[[nodiscard]] std::expected<std::string, std::string> control_socket(const std::string& config);

/// GET of `target` (`/status`) on the socket; the body of a 200 goes to `sink` piece by piece.
/// Returns: the status code. The error is a sentence for people, that no node runs among them.
[[nodiscard]] std::expected<unsigned, std::string> fetch(
    const std::string& socket, const std::string& target,
    const std::function<void(std::string_view)>& sink);

/// The same with DELETE.
[[nodiscard]] std::expected<unsigned, std::string> send_delete(
    const std::string& socket, const std::string& target,
    const std::function<void(std::string_view)>& sink);

/// `text` as a value in the query of a target.
[[nodiscard]] std::string query_value(std::string_view text);

/// Prints `easgate: <sentence>` on standard error.
void complain(std::string_view sentence);

}  // namespace eg::commands
