/// Reads devices with their users from a query, one row a user, folded into records. For the .cpp
/// files of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/device/record.h"

namespace soci {
class session;
}

namespace eg::mdm {

/// A device and a number that the query adds to it.
struct NumberedRecord {
    std::int64_t number = 0;
    device::Record record;
};

/// The query must give, ordered by device and by the position of the user: devices.id, a number,
/// device_id, state, reason, keys, and the name of a user or ''.
struct RecordQuery {
    std::string sql;
    std::vector<std::pair<std::string, std::int64_t>> numbers;
    std::vector<std::pair<std::string, std::string>> texts;
};

/// Throws what the database library throws; call inside guarded().
[[nodiscard]] std::vector<NumberedRecord> read_records(soci::session& sql,
                                                       const RecordQuery& query);

}  // namespace eg::mdm
