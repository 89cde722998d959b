#include "mdm/store/record_rows.h"

#include <soci/soci.h>

#include "mdm/store/device_rules.h"

namespace eg::mdm {
namespace {

constexpr std::size_t kRowsAtOnce = 1024;

/// The columns of some rows. SOCI shrinks the vectors to what it fetched.
struct Columns {
    std::vector<std::int64_t> device;
    std::vector<std::int64_t> number;
    std::vector<std::string> id;
    std::vector<std::string> state;
    std::vector<std::string> reason;
    std::vector<std::string> keys;
    std::vector<std::string> user;

    Columns() { resize(); }
    void resize() {
        device.resize(kRowsAtOnce);
        number.resize(kRowsAtOnce);
        id.resize(kRowsAtOnce);
        state.resize(kRowsAtOnce);
        reason.resize(kRowsAtOnce);
        keys.resize(kRowsAtOnce);
        user.resize(kRowsAtOnce);
    }
};

}  // namespace

std::vector<NumberedRecord> read_records(soci::session& sql, const RecordQuery& query) {
    Columns rows;
    auto prepared = (sql.prepare << query.sql);
    prepared, soci::into(rows.device), soci::into(rows.number), soci::into(rows.id),
        soci::into(rows.state), soci::into(rows.reason), soci::into(rows.keys),
        soci::into(rows.user);
    for (const auto& [name, value] : query.numbers) {
        prepared, soci::use(value, name);
    }
    for (const auto& [name, value] : query.texts) {
        prepared, soci::use(value, name);
    }
    soci::statement statement(prepared);
    statement.execute();

    std::vector<NumberedRecord> records;
    std::int64_t last_device = 0;
    while (statement.fetch()) {
        for (std::size_t i = 0; i < rows.device.size(); ++i) {
            if (records.empty() || rows.device[i] != last_device) {
                last_device = rows.device[i];
                records.push_back({rows.number[i],
                                   {std::move(rows.id[i]),
                                    {},
                                    device::parse_state(rows.state[i]),
                                    std::move(rows.reason[i]),
                                    stored_keys(rows.keys[i])}});
            }
            if (!rows.user[i].empty()) {
                records.back().record.users.push_back(std::move(rows.user[i]));
            }
        }
        rows.resize();
    }
    return records;
}

}  // namespace eg::mdm
