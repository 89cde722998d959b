#include "proxy/commands/status.h"

#include <cstdio>

#include <fmt/format.h>

namespace eg::commands {

int status(const StatusOptions& options) {
    const auto socket = control_socket(options.config);
    if (!socket) {
        complain(socket.error());
        return 1;
    }
    std::string page;
    const auto shown = fetch(*socket, options.json ? "/status" : "/status?format=text",
                             [&page](std::string_view piece) { page.append(piece); });
    if (!shown || *shown != 200) {
        complain(shown ? fmt::format("the node answered {}", *shown) : shown.error());
        return 1;
    }
    fmt::print("{}", page);
    const auto ready = fetch(*socket, "/readyz", [](std::string_view /*sentence*/) {});
    return ready && *ready == 200 ? 0 : 1;
}

}  // namespace eg::commands
