#include "mdm/store/device_writer.h"

#include <ctime>

#include <soci/soci.h>

#include "mdm/store/device_rules.h"

namespace eg::mdm {

/// Values that the statements are bound to, then the statements.
struct DeviceWriter::Statements {
    soci::session& session;
    std::int64_t instance;
    std::int64_t device = 0;
    std::int64_t number = 0;
    std::int64_t now = std::time(nullptr);
    std::int64_t position = 0;
    std::string canonical, id, state, reason, keys, user;

    soci::statement find, find_users, insert, update, drop_users, insert_user;

    Statements(soci::session& sql, std::int64_t of_instance)
        : session(sql),
          instance(of_instance),
          find((sql.prepare << "SELECT id, device_id, state, reason, keys FROM devices "
                               "WHERE instance_id = :instance AND canonical_id = :canonical",
                soci::into(device), soci::into(id), soci::into(state), soci::into(reason),
                soci::into(keys), soci::use(instance), soci::use(canonical))),
          find_users((sql.prepare << "SELECT name FROM device_users WHERE device = :device "
                                     "ORDER BY position",
                      soci::into(user), soci::use(device))),
          insert((sql.prepare
                      << "INSERT INTO devices (id, instance_id, canonical_id, device_id, state, "
                         "reason, keys, change_number, changed) VALUES (:device, :instance, "
                         ":canonical, :id, :state, :reason, :keys, :number, :now)",
                  soci::use(device), soci::use(instance), soci::use(canonical), soci::use(id),
                  soci::use(state), soci::use(reason), soci::use(keys), soci::use(number),
                  soci::use(now))),
          update((sql.prepare << "UPDATE devices SET device_id = :id, state = :state, reason = "
                                 ":reason, keys = :keys, "
                                 "change_number = :number, changed = :now WHERE id = :device",
                  soci::use(id), soci::use(state), soci::use(reason), soci::use(keys),
                  soci::use(number), soci::use(now), soci::use(device))),
          drop_users((sql.prepare << "DELETE FROM device_users WHERE device = :device",
                      soci::use(device))),
          insert_user((sql.prepare << "INSERT INTO device_users (device, position, name) "
                                      "VALUES (:device, :position, :name)",
                       soci::use(device), soci::use(position), soci::use(user))) {}
};

DeviceWriter::DeviceWriter(soci::session& sql, std::int64_t instance)
    : statements_(std::make_unique<Statements>(sql, instance)) {}
DeviceWriter::~DeviceWriter() = default;

std::optional<device::Record> DeviceWriter::find(const std::string& canonical) {
    Statements& s = *statements_;
    s.canonical = canonical;
    if (!s.find.execute(true)) {
        return std::nullopt;
    }
    device::Record found{s.id, {}, device::parse_state(s.state), s.reason, stored_keys(s.keys)};
    s.find_users.execute();
    while (s.find_users.fetch()) {
        found.users.push_back(s.user);
    }
    return found;
}

void DeviceWriter::insert(const device::Record& record, std::int64_t number) {
    Statements& s = *statements_;
    s.device = number;  // its first change number is its id
    s.canonical = device::canonical_id(record.id);
    s.id = record.id;
    s.state = device::to_string(record.state);
    s.reason = record.reason;
    s.keys = key_list(record.keys);
    s.number = number;
    s.insert.execute(true);
    write_users(record);
}

void DeviceWriter::replace(const device::Record& record, std::int64_t number) {
    Statements& s = *statements_;
    s.id = record.id;
    s.state = device::to_string(record.state);
    s.reason = record.reason;
    s.keys = key_list(record.keys);
    s.number = number;
    s.update.execute(true);
    s.drop_users.execute(true);
    write_users(record);
}

void DeviceWriter::write_users(const device::Record& record) {
    Statements& s = *statements_;
    s.position = 0;
    for (const std::string& user : record.users) {
        s.user = user;
        s.insert_user.execute(true);
        ++s.position;
    }
}

void DeviceWriter::mark(std::int64_t number) {
    Statements& s = *statements_;
    s.session << "UPDATE instances SET last_change = :number WHERE id = :instance",
        soci::use(number), soci::use(s.instance);
}

}  // namespace eg::mdm
