/// Reads one entry of `instances:`. Part of read_text().
#pragma once

#include <string>

#include "proxy/config/config.h"
#include "proxy/config/fields.h"
#include "proxy/config/section.h"

namespace eg::config {

/// `section` null: every key has its default. `path`: `instances[2]`. What is wrong goes to
/// `reading.problems`.
[[nodiscard]] Instance read_instance(Reading& reading, const Section* section, std::string path);

}  // namespace eg::config
