#include "mdm/store/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "mdm/store/migrations.h"

namespace eg::mdm {
namespace {

std::unique_ptr<soci::session> connect(const std::string& path, Milliseconds patience) {
    auto session =
        std::make_unique<soci::session>(soci::sqlite3, fmt::format("dbname=\"{}\"", path));
    *session << fmt::format("PRAGMA busy_timeout = {}", patience.count());
    *session << "PRAGMA journal_mode = WAL";
    // Each commit is synced before it is acknowledged; NORMAL would lose the last ones with the
    // power.
    *session << "PRAGMA synchronous = FULL";
    *session << "PRAGMA foreign_keys = ON";
    *session
        << "PRAGMA cache_size = -32768";  // KiB: an import of a million devices stays in memory
    return session;
}

Failure system_failure(std::string_view what, const std::string& path) {
    return {FailureKind::broken, fmt::format("{} {}: {}", what, path, std::strerror(errno))};
}

/// The path goes into a quoted connection string, which knows no escapes.
Outcome<void> check_path(const std::string& path) {
    if (path.empty() || path.find('"') != std::string::npos) {
        return failed(
            FailureKind::invalid,
            fmt::format("'{}' can't be the path of the database; use a path without quotes", path));
    }
    return {};
}

Outcome<void> make_empty_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return std::unexpected(system_failure("can't create", path));
    }
    ::close(fd);
    return {};
}

void sync_folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

void remove_files(const std::string& path) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
        ::unlink((path + suffix).c_str());
    }
}

Outcome<void> exists_failure(const std::string& path) {
    return failed(
        FailureKind::exists,
        fmt::format("{} exists already and was left as it is; to start anew, move it away first",
                    path));
}

}  // namespace

Database::Database(std::string path, std::unique_ptr<soci::session> session)
    : path_(std::move(path)), session_(std::move(session)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Outcome<void> Database::create(const std::string& path) {
    struct stat there{};
    if (const Outcome<void> checked = check_path(path); !checked) {
        return checked;
    }
    if (::lstat(path.c_str(), &there) == 0) {
        return exists_failure(path);
    }
    // Made under another name and linked when whole: a crash on the way leaves nothing half.
    const std::string draft = fmt::format("{}.new-{}", path, ::getpid());
    if (const Outcome<void> made = make_empty_file(draft); !made) {
        return made;
    }
    const Outcome<void> filled = guarded([&]() -> Outcome<void> {
        const std::unique_ptr<soci::session> session = connect(draft, Milliseconds(1000));
        return migrate(*session, migrations(), true);
    });
    if (!filled) {
        remove_files(draft);
        return filled;
    }
    const bool linked = ::link(draft.c_str(), path.c_str()) == 0;
    const int link_errno = errno;
    remove_files(draft);
    if (!linked) {
        errno = link_errno;
        return link_errno == EEXIST ? exists_failure(path)
                                    : std::unexpected(system_failure("can't create", path));
    }
    sync_folder_of(path);
    return {};
}

Outcome<Database> Database::open_reader(const std::string& path) {
    if (const Outcome<void> checked = check_path(path); !checked) {
        return std::unexpected(checked.error());
    }
    if (::access(path.c_str(), R_OK | W_OK) != 0) {
        return failed(
            FailureKind::missing,
            errno == ENOENT
                ? fmt::format("there is no database {}; make one with `easgate-mdm init`", path)
                : fmt::format("can't use the database {}: {}", path, std::strerror(errno)));
    }
    return guarded(
        [&]() -> Outcome<Database> { return Database(path, connect(path, Milliseconds(2000))); });
}

Outcome<Database> Database::open(const std::string& path, Milliseconds patience) {
    Outcome<Database> database = open_reader(path);
    if (!database) {
        return database;
    }
    const Outcome<void> ready = guarded([&]() -> Outcome<void> {
        soci::session& sql = database->session();
        sql << fmt::format("PRAGMA busy_timeout = {}", patience.count());
        int version = 0;
        try {
            sql << "SELECT version FROM schema_version", soci::into(version);
        } catch (const soci::soci_error& error) {
            return failed(
                FailureKind::invalid,
                fmt::format("{} isn't a database of easgate-mdm ({}); check `database` in the "
                            "configuration, or make one with `easgate-mdm init`",
                            path, error.what()));
        }
        // An up-to-date database isn't written, so that opening never waits for a writer.
        return version == newest_version() ? Outcome<void>{} : migrate(sql, migrations(), false);
    });
    if (!ready) {
        return std::unexpected(ready.error());
    }
    return database;
}

std::int64_t take_numbers(soci::session& sql, std::int64_t count) {
    std::int64_t last = 0;
    sql << "UPDATE counters SET value = value + :count WHERE name = 'change'", soci::use(count);
    sql << "SELECT value FROM counters WHERE name = 'change'", soci::into(last);
    return last - count + 1;
}

Failure database_failure(const std::exception& error) {
    if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error)) {
        const int code = sqlite->result() & 0xff;
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
            return {
                FailureKind::busy,
                "another process is writing to the database (an import?); try again in a moment"};
        }
        if (code == SQLITE_NOTADB) {
            return {FailureKind::invalid, "the file isn't a database"};
        }
    }
    return {FailureKind::broken, fmt::format("the database refused: {}", error.what())};
}

}  // namespace eg::mdm
