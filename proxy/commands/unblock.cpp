#include "proxy/commands/unblock.h"

#include <jansson.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "proxy/base/units.h"
#include "proxy/log/escape.h"

namespace eg::commands {
namespace {

struct JsonFree {
    void operator()(json_t* value) const { json_decref(value); }
};
using Json = std::unique_ptr<json_t, JsonFree>;

/// Harmless on a terminal: phones choose these texts.
std::string shown(const json_t* entry, const char* key) {
    const json_t* value = json_object_get(entry, key);
    std::string text;
    if (json_is_string(value)) {
        log::append_rest(text, {json_string_value(value), json_string_length(value)});
    }
    return text.empty() ? "-" : text;
}

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

std::string target_of(const UnblockOptions& options) {
    std::string target = "/lockouts";
    char separator = '?';
    const auto add = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) {
            target.append(1, separator).append(key).append("=").append(query_value(value));
            separator = '&';
        }
    };
    add("instance", options.instance);
    add("name", options.name);
    return target;
}

}  // namespace

int unblock(const UnblockOptions& options) {
    const auto socket = control_socket(options.config);
    if (!socket) {
        complain(socket.error());
        return 1;
    }
    std::string body;
    const auto take = [&body](std::string_view piece) { body.append(piece); };
    const auto answered = options.list ? fetch(*socket, target_of(options), take)
                                       : send_delete(*socket, target_of(options), take);
    if (!answered || *answered != 200) {
        complain(!answered          ? answered.error()
                 : *answered == 404 ? fmt::format("no instance '{}' on this node", options.instance)
                                    : fmt::format("the node answered {}", *answered));
        return 1;
    }
    if (options.json) {
        fmt::print("{}", body);
    }
    const Json entries(json_loadb(body.data(), body.size(), 0, nullptr));
    if (json_array_size(entries.get()) == 0) {
        complain(options.name.empty()
                     ? "the lock-out shield has no entry"
                     : fmt::format("the lock-out shield has no entry of '{}'", options.name));
        return options.name.empty() ? 0 : 1;
    }
    if (!options.json) {
        print_table(entries.get());
    }
    return 0;
}

}  // namespace eg::commands
