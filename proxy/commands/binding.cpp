#include "proxy/commands/binding.h"

#include <jansson.h>

#include <ctime>
#include <memory>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/log/escape.h"

namespace eg::commands {
namespace {

struct JsonFree {
    void operator()(json_t* value) const { json_decref(value); }
};
using Json = std::unique_ptr<json_t, JsonFree>;

/// Harmless on a terminal, whatever a phone called its user.
std::string shown(const json_t* entry, const char* key) {
    const json_t* value = json_object_get(entry, key);
    std::string text;
    if (json_is_string(value)) {
        log::append_rest(text, {json_string_value(value), json_string_length(value)});
    }
    return text.empty() ? "-" : text;
}

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

/// Asks the node and prints what it answers. `device`: to remove, or null to list.
bool ask(const std::string& socket, const BindingOptions& options, const std::string* device) {
    std::string target = "/bindings";
    if (device != nullptr) {
        target += "?id=" + query_value(*device);
    }
    if (!options.instance.empty()) {
        target += (device != nullptr ? "&instance=" : "?instance=") + query_value(options.instance);
    }
    std::string body;
    const auto take = [&body](std::string_view piece) { body.append(piece); };
    const auto answered =
        device != nullptr ? send_delete(socket, target, take) : fetch(socket, target, take);
    if (!answered || *answered != 200) {
        complain(!answered          ? answered.error()
                 : *answered == 404 ? fmt::format("no instance '{}' on this node", options.instance)
                                    : fmt::format("the node answered {}", *answered));
        return false;
    }
    if (options.json) {
        fmt::print("{}", body);
    }
    const Json entries(json_loadb(body.data(), body.size(), JSON_ALLOW_NUL, nullptr));
    if (json_array_size(entries.get()) == 0) {
        complain(device != nullptr ? fmt::format("'{}' is bound to nothing", *device)
                                   : "no device is bound");
        return device == nullptr;
    }
    if (!options.json) {
        print_table(entries.get());
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
        return ask(*socket, options, nullptr) ? 0 : 1;
    }
    bool all = true;
    for (const std::string& device : options.devices) {
        all = ask(*socket, options, &device) && all;
    }
    return all ? 0 : 1;
}

}  // namespace eg::commands
