/// One connection to the companion's database.
///
/// Everything acknowledged is on disk: SQLite with a write-ahead log that is synced at every
/// commit. Each process, and each answer that streams from a snapshot, has a connection of its own.
/// Not thread-safe. SOCI stays inside the .cpp files of this folder; the SQL is portable (TEXT and
/// BIGINT, times as epoch seconds), so that another database needs changes in database.cpp only.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "mdm/store/failure.h"
#include "proxy/base/units.h"

namespace soci {
class session;
}

namespace eg::mdm {

class Database {
  public:
    /// Makes a new database file, readable by its owner only, and its tables. The file appears
    /// whole or not at all; an existing one is never touched (FailureKind::exists).
    [[nodiscard]] static Outcome<void> create(const std::string& path);
    /// Opens an existing database and brings its tables up to date. Refuses one of a newer version.
    /// `patience`: how long a write waits for another process that is writing.
    [[nodiscard]] static Outcome<Database> open(const std::string& path, Milliseconds patience);
    /// Opens for reading one snapshot beside a connection that open() has checked before: no
    /// migration.
    [[nodiscard]] static Outcome<Database> open_reader(const std::string& path);

    Database(Database&&) noexcept;
    Database& operator=(Database&&) noexcept;
    ~Database();

    [[nodiscard]] soci::session& session() { return *session_; }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    Database(std::string path, std::unique_ptr<soci::session> session);
    std::string path_;
    std::unique_ptr<soci::session> session_;
};

/// Takes `count` numbers from the one rising counter of the database and returns the first. Must be
/// the first statement of every writing transaction: it makes writers wait for each other, so that
/// numbers become visible in their order.
[[nodiscard]] std::int64_t take_numbers(soci::session& sql, std::int64_t count);

/// The Failure for an exception of the database library.
[[nodiscard]] Failure database_failure(const std::exception& error);

/// Runs `work`, which returns an Outcome, and turns what the database library throws into a
/// Failure.
template <typename Work>
[[nodiscard]] auto guarded(Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& error) {
        return std::unexpected(database_failure(error));
    }
}

}  // namespace eg::mdm
