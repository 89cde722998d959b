/// `easgate version`: version, build, libraries.
#pragma once

#include <string>

namespace eg::commands {

/// A few lines; the first is `easgate <version>`.
[[nodiscard]] std::string version_text();

/// Prints it. Returns the exit status, 0.
[[nodiscard]] int version();

}  // namespace eg::commands
