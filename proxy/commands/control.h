/// Asks the running node over its control socket. Blocks, bounded in time; runs on the calling
/// thread.
#pragma once

#include <expected>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

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

/// A target for fetch(): `path`, and a query of those parameters that have a value.
[[nodiscard]] std::string target_of(
    std::string_view path,
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters);

/// Prints `easgate: <sentence>` on standard error.
void complain(std::string_view sentence);

}  // namespace eg::commands
