/// Lists that the running node keeps and that people look at and remove from: JSON arrays of
/// objects.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/json.h"

namespace eg::commands {

struct NodeListRequest {
    std::string path;      // "/bindings"
    std::string key;       // of the query that chooses entries: "id"
    std::string value;     // "" = all entries
    std::string instance;  // "" = all
    bool remove = false;   // what is listed
    bool json = false;     // print what the node answers, as it is
};

/// The entries that the node answers with. Nothing if they can't be had: then it has complained.
[[nodiscard]] std::optional<Json> node_list(const std::string& socket,
                                            const NodeListRequest& request);

/// A JSON string, harmless on a terminal: phones and MDM servers choose it. "" of anything else.
[[nodiscard]] std::string shown(const json_t* value);
/// The same of a member of an entry, "-" where there is none.
[[nodiscard]] std::string shown(const json_t* entry, const char* key);

}  // namespace eg::commands
