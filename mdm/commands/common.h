/// What all commands share: the configuration, the database, and how a failure ends the program.
#pragma once

#include <string>
#include <string_view>

#include "mdm/config.h"
#include "mdm/store/database.h"
#include "mdm/store/failure.h"

namespace eg::mdm {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 64;

enum class ListFormat : unsigned char { text, json };

/// Reads the configuration file; the Failure holds all its problems, and warnings go to standard
/// error.
[[nodiscard]] Outcome<Config> load_config(const std::string& file);
/// The configuration and its database, opened for an administrator's command: a write waits up to a
/// minute for others.
[[nodiscard]] Outcome<Database> open_database(const std::string& config_file);

/// Prints the failure on standard error and returns kFailure.
int report(const Failure& failure);
/// Prints a line or more on standard output. False, with a line on standard error, if that can't be
/// done.
bool print(std::string_view text);

/// Becomes the text of a file. Regular files of at most 1 GiB.
[[nodiscard]] Outcome<std::string> read_text_file(const std::string& file);

}  // namespace eg::mdm
