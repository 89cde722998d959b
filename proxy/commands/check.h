/// `easgate check`: is the configuration right, and does everything that it names work?
#pragma once

#include <cstdio>
#include <string>

namespace eg::commands {

struct CheckOptions {
    std::string config;
    bool online = false;  // also ports, mail servers and the MDM server
    bool json = false;
};

/// Prints one line a check and a summary to `out`. Blocks; online each try is bounded to some 5 s.
/// Returns the exit status: 0 all passed (warnings count as passed), 1 something failed, 2 the file
/// can't be read, or has errors.
[[nodiscard]] int check(const CheckOptions& options, std::FILE* out = stdout);

}  // namespace eg::commands
