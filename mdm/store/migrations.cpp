#include "mdm/store/migrations.h"

#include <array>
#include <string>

#include <fmt/format.h>
#include <soci/soci.h>

#include "mdm/store/database.h"

namespace eg::mdm {
namespace {

using namespace std::string_view_literals;

// `counters` has one row, 'change': every number of the database (ids, change numbers) comes from
// it. A removed device stays as a row with state 'removed' (a tombstone), until forgotten; what was
// forgotten is known by instances.forgotten_change, so that an older cursor gets a full answer.
constexpr std::array kFirstTables = {
    "CREATE TABLE schema_version (version BIGINT NOT NULL)"sv,
    "INSERT INTO schema_version (version) VALUES (0)"sv,
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"sv,
    "INSERT INTO counters (name, value) VALUES ('change', 0)"sv,
    "CREATE TABLE instances ("
    " id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " certificate_hash TEXT NOT NULL UNIQUE, certificate_pem TEXT NOT NULL, created BIGINT NOT "
    "NULL,"
    " feed_id TEXT NOT NULL, last_change BIGINT NOT NULL, forgotten_change BIGINT NOT NULL)"sv,
    "CREATE TABLE devices ("
    " id BIGINT PRIMARY KEY, instance_id BIGINT NOT NULL REFERENCES instances (id),"
    " canonical_id TEXT NOT NULL, device_id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT "
    "NULL,"
    " change_number BIGINT NOT NULL, changed BIGINT NOT NULL,"
    " UNIQUE (instance_id, canonical_id))"sv,
    "CREATE INDEX devices_by_change ON devices (instance_id, change_number, state)"sv,
    "CREATE INDEX devices_removed ON devices (changed) WHERE state = 'removed'"sv,
    "CREATE TABLE device_users ("
    " device BIGINT NOT NULL REFERENCES devices (id), position BIGINT NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (device, position))"sv,
    "CREATE TABLE observations ("
    " instance_id BIGINT NOT NULL REFERENCES instances (id), canonical_id TEXT NOT NULL,"
    " device_id TEXT NOT NULL, user_name TEXT NOT NULL, user_agent TEXT NOT NULL,"
    " device_type TEXT NOT NULL, protocol TEXT NOT NULL, reason TEXT NOT NULL,"
    " first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL,"
    " requests BIGINT NOT NULL, refused BIGINT NOT NULL, listed BIGINT NOT NULL,"
    " PRIMARY KEY (instance_id, canonical_id))"sv,
    "CREATE INDEX observations_by_age ON observations (instance_id, listed, last_seen)"sv,
    "CREATE TABLE nodes ("
    " instance_id BIGINT NOT NULL REFERENCES instances (id), name TEXT NOT NULL,"
    " version TEXT NOT NULL, last_report BIGINT NOT NULL, PRIMARY KEY (instance_id, name))"sv,
};

// As key_list() of device_rules.h writes them.
constexpr std::array kDeviceKeys = {
    "ALTER TABLE devices ADD COLUMN keys TEXT NOT NULL DEFAULT ''"sv,
};

constexpr std::array kMigrations = {
    Migration{1, "instances, devices, observations", kFirstTables},
    Migration{2, "keys of devices", kDeviceKeys},
};

Outcome<void> run_steps(soci::session& sql, std::span<const Migration> steps, bool fresh) {
    soci::transaction transaction(sql);
    int version = 0;
    if (!fresh) {
        // Written before it is read, so that two processes that start at once migrate in turn.
        sql << "UPDATE schema_version SET version = version";
        sql << "SELECT version FROM schema_version", soci::into(version);
    }
    const int newest = steps.empty() ? 0 : steps.back().version;
    if (version > newest) {
        return failed(
            FailureKind::invalid,
            fmt::format("the database has version {}, which is newer than the {} that this "
                        "program knows; install the newer easgate-mdm",
                        version, newest));
    }
    if (version == newest) {
        return {};
    }
    for (const Migration& step : steps) {
        if (step.version <= version) {
            continue;
        }
        for (const std::string_view statement : step.statements) {
            sql << std::string(statement);
        }
    }
    sql << "UPDATE schema_version SET version = :version", soci::use(newest);
    transaction.commit();
    return {};
}

}  // namespace

std::span<const Migration> migrations() {
    return kMigrations;
}

int newest_version() {
    return kMigrations.back().version;
}

Outcome<void> migrate(soci::session& sql, std::span<const Migration> steps, bool fresh) {
    return guarded([&] { return run_steps(sql, steps, fresh); });
}

}  // namespace eg::mdm
