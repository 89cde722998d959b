#include "mdm/store/devices.h"

#include <utility>

#include <fmt/format.h>
#include <soci/soci.h>

#include "mdm/store/device_rules.h"
#include "mdm/store/device_writer.h"

namespace eg::mdm {
namespace {

bool same(const device::Record& a, const device::Record& b) {
    return a.id == b.id && a.users == b.users && a.state == b.state && a.reason == b.reason &&
           a.keys == b.keys;
}

std::unexpected<Failure> no_such_device(std::string_view id) {
    return failed(
        FailureKind::missing,
        fmt::format("the instance has no device '{}'; add it with `easgate-mdm device add`", id));
}

/// Whether a lookup found a device that is there, and not its tombstone.
bool is_there(const std::optional<device::Record>& found) {
    return found && found->state != device::State::removed;
}

device::Record merged(const device::Record& before, device::Record record,
                      const ImportParts& parts) {
    record.users = parts.users ? std::move(record.users) : before.users;
    record.state = parts.state ? record.state : before.state;
    record.reason = parts.reason ? std::move(record.reason) : before.reason;
    record.keys = parts.keys ? std::move(record.keys) : before.keys;
    return record;
}

}  // namespace

Outcome<void> Devices::add(std::int64_t instance, const device::Record& record) {
    if (const auto wrong = what_is_wrong(record)) {
        return failed(FailureKind::invalid, *wrong);
    }
    return guarded([&]() -> Outcome<void> {
        soci::transaction transaction(sql_);
        const std::int64_t number = take_numbers(sql_, 1);
        DeviceWriter writer(sql_, instance);
        const auto found = writer.find(device::canonical_id(record.id));
        if (is_there(found)) {
            return failed(FailureKind::exists,
                          fmt::format("the instance has the device '{}' already; change it with "
                                      "`easgate-mdm device set`",
                                      found->id));
        }
        found ? writer.replace(record, number) : writer.insert(record, number);
        writer.mark(number);
        transaction.commit();
        return {};
    });
}

Outcome<device::Record> Devices::change(std::int64_t instance, std::string_view id,
                                        const DeviceChange& change) {
    return guarded([&]() -> Outcome<device::Record> {
        soci::transaction transaction(sql_);
        const std::int64_t number = take_numbers(sql_, 1);
        DeviceWriter writer(sql_, instance);
        const auto found = writer.find(device::canonical_id(id));
        if (!is_there(found)) {
            return no_such_device(id);
        }
        device::Record wanted = *found;
        wanted.users = change.users.value_or(wanted.users);
        wanted.state = change.state.value_or(wanted.state);
        wanted.reason = change.reason.value_or(wanted.reason);
        wanted.keys = change.keys.value_or(wanted.keys);
        if (const auto wrong = what_is_wrong(wanted)) {
            return failed(FailureKind::invalid, *wrong);
        }
        if (!same(*found, wanted)) {
            writer.replace(wanted, number);
            writer.mark(number);
            transaction.commit();
        }
        return wanted;
    });
}

Outcome<void> Devices::remove(std::int64_t instance, std::string_view id) {
    return guarded([&]() -> Outcome<void> {
        soci::transaction transaction(sql_);
        const std::int64_t number = take_numbers(sql_, 1);
        DeviceWriter writer(sql_, instance);
        const auto found = writer.find(device::canonical_id(id));
        if (!is_there(found)) {
            return no_such_device(id);
        }
        writer.replace({found->id, {}, device::State::removed, "", {}}, number);
        writer.mark(number);
        transaction.commit();
        return {};
    });
}

Outcome<ImportCounts> Devices::import(std::int64_t instance,
                                      std::span<const device::Record> records,
                                      const ImportParts& parts) {
    return guarded([&]() -> Outcome<ImportCounts> {
        if (records.empty()) {
            return ImportCounts{};
        }
        soci::transaction transaction(sql_);
        const auto most = static_cast<std::int64_t>(records.size());
        std::int64_t next = take_numbers(sql_, most);
        DeviceWriter writer(sql_, instance);
        ImportCounts counts;
        for (const device::Record& given : records) {
            const auto found = writer.find(device::canonical_id(given.id));
            const device::Record record = is_there(found) ? merged(*found, given, parts) : given;
            if (found && same(*found, record)) {
                ++counts.unchanged;
                continue;
            }
            found ? writer.replace(record, next) : writer.insert(record, next);
            ++(is_there(found) ? counts.changed : counts.added);
            ++next;
        }
        if (counts.added + counts.changed > 0) {
            writer.mark(next - 1);
        }
        transaction.commit();
        return counts;
    });
}

Outcome<std::vector<NumberedRecord>> Devices::page(std::int64_t instance, const std::string& after,
                                                   std::int64_t most) {
    return guarded([&]() -> Outcome<std::vector<NumberedRecord>> {
        return read_records(
            sql_,
            {"SELECT d.id, COALESCE(o.last_seen, 0), d.device_id, d.state, d.reason, d.keys, "
             "COALESCE(u.name, '') FROM (SELECT id, canonical_id, device_id, state, reason, keys "
             "FROM devices WHERE instance_id = :instance AND canonical_id > :after "
             "AND state <> 'removed' ORDER BY canonical_id LIMIT :most) d "
             "LEFT JOIN observations o ON o.instance_id = :instance "
             "AND o.canonical_id = d.canonical_id "
             "LEFT JOIN device_users u ON u.device = d.id ORDER BY d.canonical_id, u.position",
             {{"instance", instance}, {"most", most}},
             {{"after", after}}});
    });
}

Outcome<StateCounts> Devices::count(std::int64_t instance) {
    return guarded([&]() -> Outcome<StateCounts> {
        StateCounts counts{};
        std::string state;
        std::int64_t number = 0;
        soci::statement statement =
            (sql_.prepare << "SELECT state, count(*) FROM devices WHERE instance_id = :instance "
                             "GROUP BY state",
             soci::into(state), soci::into(number), soci::use(instance));
        statement.execute();
        while (statement.fetch()) {
            counts[static_cast<std::size_t>(device::parse_state(state))] += number;
        }
        return counts;
    });
}

Outcome<std::int64_t> Devices::forget_removed(std::int64_t before) {
    return guarded([&]() -> Outcome<std::int64_t> {
        std::int64_t old = 0;
        sql_ << "SELECT count(*) FROM devices WHERE state = 'removed' AND changed < :before",
            soci::use(before), soci::into(old);
        if (old == 0) {
            return old;
        }
        soci::transaction transaction(sql_);
        (void)take_numbers(sql_, 1);
        sql_ << "UPDATE instances SET forgotten_change = (SELECT max(d.change_number) FROM devices "
                "d "
                "WHERE d.instance_id = instances.id AND d.state = 'removed' AND d.changed < "
                ":before) "
                "WHERE id IN (SELECT instance_id FROM devices WHERE state = 'removed' "
                "AND changed < :before)",
            soci::use(before, "before");
        sql_ << "DELETE FROM devices WHERE state = 'removed' AND changed < :before",
            soci::use(before);
        transaction.commit();
        return old;
    });
}

}  // namespace eg::mdm
