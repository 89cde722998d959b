/// YAML text to Config: shape here (types, units, unknown and doubled keys), meaning in validate.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace eg::config {

/// Where each key stands: `instances[0].listen` to its place.
using Positions = std::map<std::string, Position, std::less<>>;

struct ReadResult {
    Config config;        // usable only if no problem is an error
    Problems problems;    // all of them at once, in the order of the file
    std::string source;   // the text, for rendering
    Positions positions;  // of the keys that are in the file
};

/// Reads the text of a configuration file and checks its meaning too (validate.h). `path` names it
/// in problems; relative file names in it are resolved against the folder of `path`.
[[nodiscard]] ReadResult read_text(std::string_view text, const std::string& path);

/// Reads the file, at most 1 MiB. An unreadable file is an Error with errno.
[[nodiscard]] Result<ReadResult> read_file(const std::string& path);

/// Every key that the reader knows, sections included, in the order of reading: `node`,
/// `node.name`, `instances[].listen`.
[[nodiscard]] const std::vector<std::string>& known_keys();

}  // namespace eg::config
