/// YAML text to Config: shape here (types, units, unknown and doubled keys), meaning in validate.h.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace eg::config {

struct ReadResult {
    Config config;      // usable only if no problem is an error
    Problems problems;  // all of them at once, in the order of the file
    std::string source; // the text, for rendering
};

/// Reads the text of a configuration file. `path` names it in problems; relative file names in it are
/// resolved against the folder of `path`.
[[nodiscard]] ReadResult read_text(std::string_view text, const std::string& path);

/// Reads the file and checks its meaning too (validate.h). An unreadable file is an Error with errno.
[[nodiscard]] Result<ReadResult> read_file(const std::string& path);

}  // namespace eg::config
