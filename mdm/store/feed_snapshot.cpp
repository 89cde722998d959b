#include "mdm/store/feed_snapshot.h"

#include <utility>

#include <fmt/format.h>
#include <soci/soci.h>

#include "mdm/store/database.h"
#include "mdm/store/record_rows.h"

namespace eg::mdm {

/// The transaction ends before the connection does.
struct FeedSnapshot::Reader {
    explicit Reader(Database opened)
        : database(std::move(opened)), transaction(database.session()) {}
    Database database;
    soci::transaction transaction;
};

namespace {

constexpr const char* kAll = " AND state <> 'removed'";

}  // namespace

FeedSnapshot::FeedSnapshot(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
FeedSnapshot::FeedSnapshot(FeedSnapshot&&) noexcept = default;
FeedSnapshot& FeedSnapshot::operator=(FeedSnapshot&&) noexcept = default;
FeedSnapshot::~FeedSnapshot() = default;

Outcome<FeedSnapshot> FeedSnapshot::open(const std::string& path, std::int64_t instance,
                                         std::optional<std::int64_t> since) {
    Outcome<Database> database = Database::open_reader(path);
    if (!database) {
        return std::unexpected(database.error());
    }
    return guarded([&]() -> Outcome<FeedSnapshot> {
        FeedSnapshot snapshot(std::make_unique<Reader>(*std::move(database)));
        soci::session& sql = snapshot.reader_->database.session();
        std::int64_t forgotten = 0;
        soci::statement find =
            (sql.prepare << "SELECT last_change, forgotten_change FROM instances "
                            "WHERE id = :instance",
             soci::into(snapshot.last_change_), soci::into(forgotten), soci::use(instance));
        if (!find.execute(true)) {
            return failed(FailureKind::missing, "the instance was removed");
        }
        if (since && *since < forgotten) {
            return failed(FailureKind::missing, "changes after that cursor are forgotten");
        }
        snapshot.instance_ = instance;
        snapshot.position_ = since.value_or(0);
        snapshot.full_ = !since;
        sql << fmt::format(
            "SELECT count(*) FROM devices WHERE instance_id = :instance "
            "AND change_number > :since{}",
            snapshot.full_ ? kAll : ""),
            soci::use(instance), soci::use(snapshot.position_), soci::into(snapshot.count_);
        return snapshot;
    });
}

Outcome<std::vector<device::Record>> FeedSnapshot::next(std::int64_t most) {
    return guarded([&]() -> Outcome<std::vector<device::Record>> {
        const std::vector<NumberedRecord> rows = read_records(
            reader_->database.session(),
            {fmt::format(
                 "SELECT d.id, d.change_number, d.device_id, d.state, d.reason, d.keys, "
                 "COALESCE(u.name, '') FROM (SELECT id, change_number, device_id, state, reason, "
                 "keys "
                 "FROM devices WHERE instance_id = :instance AND change_number > :position{} "
                 "ORDER BY change_number LIMIT :most) d "
                 "LEFT JOIN device_users u ON u.device = d.id "
                 "ORDER BY d.change_number, u.position",
                 full_ ? kAll : ""),
             {{"instance", instance_}, {"position", position_}, {"most", most}},
             {}});
        std::vector<device::Record> records;
        records.reserve(rows.size());
        for (const NumberedRecord& row : rows) {
            records.push_back(row.record);
            position_ = row.number;
        }
        return records;
    });
}

}  // namespace eg::mdm
