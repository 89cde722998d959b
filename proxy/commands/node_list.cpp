#include "proxy/commands/node_list.h"

#include <fmt/format.h>

#include "proxy/commands/control.h"
#include "proxy/log/escape.h"

namespace eg::commands {
std::optional<Json> node_list(const std::string& socket, const NodeListRequest& request) {
    std::string body;
    const auto take = [&body](std::string_view piece) { body.append(piece); };
    const std::string target =
        target_of(request.path, {{request.key, request.value}, {"instance", request.instance}});
    const auto answered =
        request.remove ? send_delete(socket, target, take) : fetch(socket, target, take);
    if (!answered || *answered != 200) {
        complain(!answered          ? answered.error()
                 : *answered == 404 ? fmt::format("no instance '{}' on this node", request.instance)
                                    : fmt::format("the node answered {}", *answered));
        return std::nullopt;
    }
    if (request.json) {
        fmt::print("{}", body);
    }
    Json entries(json_loadb(body.data(), body.size(), JSON_ALLOW_NUL, nullptr));
    if (!json_is_array(entries.get())) {
        complain("the node answered with something else than a list");
        return std::nullopt;
    }
    return entries;
}

std::string shown(const json_t* value) {
    std::string text;
    log::append_rest(text, json_text(value));
    return text;
}

std::string shown(const json_t* entry, const char* key) {
    const std::string text = shown(json_object_get(entry, key));
    return text.empty() ? "-" : text;
}

}  // namespace eg::commands
