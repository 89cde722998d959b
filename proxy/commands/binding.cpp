#include "proxy/commands/binding.h"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/commands/control.h"
#include "proxy/commands/node_list.h"

namespace eg::commands {
namespace {

void print_table(const json_t* entries) {
    constexpr const char* kRow = "{:<16} {:<34} {:<28} {:<20} {}\n";
    fmt::print(kRow, "INSTANCE", "DEVICE", "USER", "SINCE", "KEY");
    for (std::size_t i = 0; i < json_array_size(entries); ++i) {
        const json_t* entry = json_array_get(entries, i);
        const std::time_t since = json_integer_value(json_object_get(entry, "since"));
        fmt::print(kRow, shown(entry, "instance"), shown(entry, "device"), shown(entry, "user"),
                   fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(since)), shown(entry, "key"));
    }
}

/// Prints what the node answers. `device`: to remove, or "" to list all.
bool ask(const std::string& socket, const BindingOptions& options, const std::string& device) {
    const auto entries = node_list(socket, {.path = "/bindings",
                                            .key = "id",
                                            .value = device,
                                            .instance = options.instance,
                                            .remove = !device.empty(),
                                            .json = options.json});
    if (!entries) {
        return false;
    }
    if (json_array_size(entries->get()) == 0) {
        complain(device.empty() ? "no device is bound"
                                : fmt::format("'{}' is bound to nothing", device));
        return device.empty();
    }
    if (!options.json) {
        print_table(entries->get());
    }
    return true;
}

}  // namespace

int binding(const BindingOptions& options) {
    const auto socket = control_socket(options.config);
    if (!socket) {
        complain(socket.error());
        return 1;
    }
    if (options.devices.empty()) {
        return ask(*socket, options, "") ? 0 : 1;
    }
    bool all = true;
    for (const std::string& device : options.devices) {
        all = ask(*socket, options, device) && all;
    }
    return all ? 0 : 1;
}

}  // namespace eg::commands
