#include "proxy/commands/unblock.h"

#include <fmt/format.h>

#include "proxy/commands/control.h"
#include "proxy/commands/node_list.h"

namespace eg::commands {
namespace {

void print_table(const json_t* entries) {
    constexpr const char* kRow = "{:<16} {:<28} {:<34} {:>8} {:>10}\n";
    fmt::print(kRow, "INSTANCE", "USER", "DEVICE", "ANSWERED", "EXPIRES IN");
    for (std::size_t i = 0; i < json_array_size(entries); ++i) {
        const json_t* entry = json_array_get(entries, i);
        fmt::print(kRow, shown(entry, "instance"), shown(entry, "user"), shown(entry, "device"),
                   json_integer_value(json_object_get(entry, "answered")),
                   fmt::format("{} s", json_integer_value(json_object_get(entry, "expires_in_s"))));
    }
}

}  // namespace

int unblock(const UnblockOptions& options) {
    const auto socket = control_socket(options.config);
    if (!socket) {
        complain(socket.error());
        return 1;
    }
    const auto entries = node_list(*socket, {.path = "/lockouts",
                                             .key = "name",
                                             .value = options.name,
                                             .instance = options.instance,
                                             .remove = !options.list,
                                             .json = options.json});
    if (!entries) {
        return 1;
    }
    if (json_array_size(entries->get()) == 0) {
        complain(options.name.empty()
                     ? "the lock-out shield has no entry"
                     : fmt::format("the lock-out shield has no entry of '{}'", options.name));
        return options.name.empty() ? 0 : 1;
    }
    if (!options.json) {
        print_table(entries->get());
    }
    return 0;
}

}  // namespace eg::commands
