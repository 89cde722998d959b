/// The tables of the companion, as numbered steps that bring any older database up to date.
///
/// A step that was released never changes; a change of the tables is a new step at the end.
#pragma once

#include <span>
#include <string_view>

#include "mdm/store/failure.h"

namespace soci {
class session;
}

namespace eg::mdm {

struct Migration {
    int version;            // rises by one
    std::string_view what;  // for people
    std::span<const std::string_view> statements;
};

[[nodiscard]] std::span<const Migration> migrations();
/// The version that this program works with.
[[nodiscard]] int newest_version();

/// Runs every step after the version of the database, all in one transaction. `fresh`: no table
/// exists yet. Fails without a change if the database is newer than `steps` or isn't ours.
[[nodiscard]] Outcome<void> migrate(soci::session& sql, std::span<const Migration> steps,
                                    bool fresh);

}  // namespace eg::mdm
