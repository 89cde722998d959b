#include "mdm/store/observations.h"

#include <soci/soci.h>

#include "proxy/device/record.h"

namespace eg::mdm {
namespace {

/// `excluded` is the row that couldn't be inserted. Columns of the last sighting are taken over
/// only if it is newer: reports of two nodes may come out of order.
constexpr const char* kUpsert =
    "INSERT INTO observations (instance_id, canonical_id, device_id, user_name, user_agent, "
    "device_type, "
    "protocol, reason, first_seen, last_seen, requests, refused, listed) "
    "VALUES (:instance, :canonical, :id, :user, :agent, :type, :protocol, :reason, :first, :last, "
    ":requests, :refused, (SELECT count(*) FROM devices WHERE instance_id = :instance "
    "AND canonical_id = :canonical AND state <> 'removed')) "
    "ON CONFLICT (instance_id, canonical_id) DO UPDATE SET "
    "device_id = CASE WHEN excluded.last_seen >= observations.last_seen THEN excluded.device_id "
    "ELSE observations.device_id END, "
    "user_name = CASE WHEN excluded.last_seen >= observations.last_seen THEN excluded.user_name "
    "ELSE observations.user_name END, "
    "user_agent = CASE WHEN excluded.last_seen >= observations.last_seen THEN excluded.user_agent "
    "ELSE observations.user_agent END, "
    "device_type = CASE WHEN excluded.last_seen >= observations.last_seen THEN "
    "excluded.device_type "
    "ELSE observations.device_type END, "
    "protocol = CASE WHEN excluded.last_seen >= observations.last_seen THEN excluded.protocol "
    "ELSE observations.protocol END, "
    "reason = CASE WHEN excluded.last_seen >= observations.last_seen THEN excluded.reason "
    "ELSE observations.reason END, "
    "first_seen = CASE WHEN excluded.first_seen < observations.first_seen THEN excluded.first_seen "
    "ELSE observations.first_seen END, "
    "last_seen = CASE WHEN excluded.last_seen > observations.last_seen THEN excluded.last_seen "
    "ELSE observations.last_seen END, "
    "requests = observations.requests + excluded.requests, "
    "refused = observations.refused + excluded.refused, listed = excluded.listed";

void write_observations(soci::session& sql, std::int64_t instance,
                        const std::vector<Observation>& observations) {
    Observation row;
    std::string canonical;
    soci::statement upsert =
        (sql.prepare << kUpsert, soci::use(instance, "instance"), soci::use(canonical, "canonical"),
         soci::use(row.id, "id"), soci::use(row.user, "user"), soci::use(row.user_agent, "agent"),
         soci::use(row.device_type, "type"), soci::use(row.protocol, "protocol"),
         soci::use(row.reason, "reason"), soci::use(row.first_seen, "first"),
         soci::use(row.last_seen, "last"), soci::use(row.requests, "requests"),
         soci::use(row.refused, "refused"));
    for (const Observation& observation : observations) {
        row = observation;
        canonical = device::canonical_id(row.id);
        upsert.execute(true);
    }
}

void write_nodes(soci::session& sql, std::int64_t instance, const std::vector<NodeFacts>& nodes) {
    for (const NodeFacts& node : nodes) {
        sql << "INSERT INTO nodes (instance_id, name, version, last_report) "
               "VALUES (:instance, :name, :version, :at) ON CONFLICT (instance_id, name) DO UPDATE "
               "SET "
               "version = excluded.version, last_report = excluded.last_report",
            soci::use(instance), soci::use(node.name), soci::use(node.version),
            soci::use(node.last_report);
    }
    sql << "DELETE FROM nodes WHERE instance_id = :instance AND name NOT IN (SELECT name FROM "
           "nodes "
           "WHERE instance_id = :instance ORDER BY last_report DESC, name LIMIT :most)",
        soci::use(instance, "instance"), soci::use(kMostNodes, "most");
}

/// Keeps the newest kMostUnlisted of the devices that nobody listed.
void drop_surplus(soci::session& sql, std::int64_t instance) {
    std::int64_t unlisted = 0;
    sql << "SELECT count(*) FROM observations WHERE instance_id = :instance AND listed = 0",
        soci::use(instance), soci::into(unlisted);
    if (unlisted <= kMostUnlisted) {
        return;
    }
    const std::int64_t surplus = unlisted - kMostUnlisted;
    sql << "DELETE FROM observations WHERE instance_id = :instance AND canonical_id IN "
           "(SELECT canonical_id FROM observations WHERE instance_id = :instance AND listed = 0 "
           "ORDER BY last_seen, canonical_id LIMIT :surplus)",
        soci::use(instance, "instance"), soci::use(surplus, "surplus");
}

}  // namespace

Outcome<void> Observations::note(std::int64_t instance, const Report& report) {
    return guarded([&]() -> Outcome<void> {
        if (report.observations.empty() && report.nodes.empty()) {
            return {};
        }
        soci::transaction transaction(sql_);
        (void)take_numbers(sql_, 1);
        std::int64_t there = 0;
        sql_ << "SELECT count(*) FROM instances WHERE id = :instance", soci::use(instance),
            soci::into(there);
        if (there == 0) {
            return failed(FailureKind::missing, "the instance was removed");
        }
        write_observations(sql_, instance, report.observations);
        write_nodes(sql_, instance, report.nodes);
        drop_surplus(sql_, instance);
        transaction.commit();
        return {};
    });
}

Outcome<ObservationCounts> Observations::count(std::int64_t instance) {
    return guarded([&]() -> Outcome<ObservationCounts> {
        ObservationCounts counts;
        sql_ << "SELECT COALESCE(sum(listed), 0), COALESCE(sum(1 - listed), 0), "
                "COALESCE(max(last_seen), 0) FROM observations WHERE instance_id = :instance",
            soci::use(instance), soci::into(counts.listed), soci::into(counts.unlisted),
            soci::into(counts.last_seen);
        return counts;
    });
}

Outcome<std::vector<NodeFacts>> Observations::nodes(std::int64_t instance) {
    return guarded([&]() -> Outcome<std::vector<NodeFacts>> {
        NodeFacts node;
        soci::statement statement = (sql_.prepare << "SELECT name, version, last_report FROM nodes "
                                                     "WHERE instance_id = :instance ORDER BY name",
                                     soci::into(node.name), soci::into(node.version),
                                     soci::into(node.last_report), soci::use(instance));
        statement.execute();
        std::vector<NodeFacts> nodes;
        while (statement.fetch()) {
            nodes.push_back(node);
        }
        return nodes;
    });
}

Outcome<std::int64_t> Observations::forget(std::int64_t before) {
    return guarded([&]() -> Outcome<std::int64_t> {
        soci::transaction transaction(sql_);
        (void)take_numbers(sql_, 1);
        std::int64_t old = 0;
        sql_ << "SELECT count(*) FROM observations WHERE last_seen < :before", soci::use(before),
            soci::into(old);
        sql_ << "DELETE FROM observations WHERE last_seen < :before", soci::use(before);
        transaction.commit();
        return old;
    });
}

}  // namespace eg::mdm
