#include "mdm/store/instances.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <random>

#include <fmt/format.h>
#include <soci/soci.h>

#include "proxy/base/text.h"

namespace eg::mdm {
namespace {

constexpr const char* kColumns =
    "SELECT id, name, certificate_hash, certificate_pem, created, feed_id, last_change, "
    "forgotten_change FROM instances ";

/// 64 random bits in hexadecimal: not a secret, only unlike that of any other table.
std::string random_feed_id() {
    std::random_device device;
    const std::array<std::uint32_t, 2> words{device(), device()};
    return fmt::format("{:08x}{:08x}", words[0], words[1]);
}

struct Row {
    Instance instance;
    void bind(soci::details::prepare_temp_type& query) {
        query, soci::into(instance.id), soci::into(instance.name),
            soci::into(instance.certificate_hash), soci::into(instance.certificate_pem),
            soci::into(instance.created), soci::into(instance.feed_id),
            soci::into(instance.last_change), soci::into(instance.forgotten_change);
    }
};

std::vector<Instance> read_all(soci::session& sql) {
    Row row;
    auto query = (sql.prepare << std::string(kColumns) + "ORDER BY name");
    row.bind(query);
    soci::statement statement(query);
    statement.execute();
    std::vector<Instance> all;
    while (statement.fetch()) {
        all.push_back(row.instance);
    }
    return all;
}

std::optional<Instance> read_one(soci::session& sql, const char* column, const std::string& value) {
    Row row;
    auto query = (sql.prepare << fmt::format("{} WHERE {} = :value", kColumns, column));
    row.bind(query);
    query, soci::use(value, "value");
    soci::statement statement(query);
    if (!statement.execute(true)) {
        return std::nullopt;
    }
    return row.instance;
}

std::string known_names(const std::vector<Instance>& all) {
    std::string names;
    for (const Instance& instance : all) {
        names += names.empty() ? instance.name : ", " + instance.name;
    }
    return names;
}

std::unexpected<Failure> no_such_instance(soci::session& sql, std::string_view name) {
    const std::string names = known_names(read_all(sql));
    return failed(FailureKind::missing,
                  names.empty()
                      ? fmt::format("there is no instance '{}', nor any other; add one with "
                                    "`easgate-mdm instance add`",
                                    name)
                      : fmt::format("there is no instance '{}'; known are: {}", name, names));
}

std::string hex_hash(const NewInstance& instance) {
    return lower(to_hex(instance.certificate_hash));
}

/// Inside a transaction: nobody else may have that certificate.
Outcome<void> check_certificate_free(soci::session& sql, const std::string& hash,
                                     const std::string& name) {
    const std::optional<Instance> holder = read_one(sql, "certificate_hash", hash);
    if (holder && holder->name != name) {
        return failed(
            FailureKind::exists,
            fmt::format("that certificate belongs to the instance '{}' already; each instance "
                        "needs an identity of its own",
                        holder->name));
    }
    return {};
}

}  // namespace

bool is_instance_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
    });
}

Outcome<std::vector<Instance>> Instances::list() {
    return guarded([&]() -> Outcome<std::vector<Instance>> { return read_all(sql_); });
}

Outcome<Instance> Instances::find(std::string_view name) {
    return guarded([&]() -> Outcome<Instance> {
        if (std::optional<Instance> found = read_one(sql_, "name", std::string(name))) {
            return *std::move(found);
        }
        return no_such_instance(sql_, name);
    });
}

Outcome<Instance> Instances::choose(std::string_view name) {
    if (!name.empty()) {
        return find(name);
    }
    const Outcome<std::vector<Instance>> all = list();
    if (!all) {
        return std::unexpected(all.error());
    }
    if (all->empty()) {
        return failed(FailureKind::missing,
                      "there is no instance yet; add one with `easgate-mdm instance add NAME "
                      "--certificate FILE`");
    }
    if (all->size() > 1) {
        return failed(FailureKind::invalid,
                      fmt::format("there are several instances; say which one with --instance ({})",
                                  known_names(*all)));
    }
    return all->front();
}

Outcome<std::optional<Instance>> Instances::find_by_certificate(std::string_view hash) {
    return guarded([&]() -> Outcome<std::optional<Instance>> {
        return read_one(sql_, "certificate_hash", lower(to_hex(hash)));
    });
}

Outcome<std::vector<ChangeMark>> Instances::changes() {
    return guarded([&]() -> Outcome<std::vector<ChangeMark>> {
        ChangeMark mark;
        soci::statement statement =
            (sql_.prepare << "SELECT id, last_change FROM instances ORDER BY id",
             soci::into(mark.instance_id), soci::into(mark.last_change));
        statement.execute();
        std::vector<ChangeMark> marks;
        while (statement.fetch()) {
            marks.push_back(mark);
        }
        return marks;
    });
}

Outcome<Instance> Instances::add(const NewInstance& instance) {
    if (!is_instance_name(instance.name)) {
        return failed(
            FailureKind::invalid,
            fmt::format("'{}' can't be the name of an instance; use a-z, 0-9 and '-', as in "
                        "easgate.yaml",
                        instance.name));
    }
    return guarded([&]() -> Outcome<Instance> {
        soci::transaction transaction(sql_);
        const std::int64_t id = take_numbers(sql_, 1);
        const std::string hash = hex_hash(instance);
        if (read_one(sql_, "name", instance.name)) {
            return failed(
                FailureKind::exists,
                fmt::format("the instance '{}' exists already; give it a new certificate with "
                            "`easgate-mdm instance add {} --certificate FILE --replace`",
                            instance.name, instance.name));
        }
        if (const Outcome<void> free = check_certificate_free(sql_, hash, instance.name); !free) {
            return std::unexpected(free.error());
        }
        Instance added{id,
                       instance.name,
                       hash,
                       instance.certificate_pem,
                       std::time(nullptr),
                       random_feed_id(),
                       id,
                       id};
        sql_ << "INSERT INTO instances (id, name, certificate_hash, certificate_pem, created, "
                "feed_id, "
                "last_change, forgotten_change) VALUES (:id, :name, :hash, :pem, :created, :feed, "
                ":last, "
                ":forgotten)",
            soci::use(added.id), soci::use(added.name), soci::use(added.certificate_hash),
            soci::use(added.certificate_pem), soci::use(added.created), soci::use(added.feed_id),
            soci::use(added.last_change), soci::use(added.forgotten_change);
        transaction.commit();
        return added;
    });
}

Outcome<Instance> Instances::replace_certificate(const NewInstance& instance) {
    return guarded([&]() -> Outcome<Instance> {
        soci::transaction transaction(sql_);
        (void)take_numbers(sql_, 1);
        std::optional<Instance> there = read_one(sql_, "name", instance.name);
        if (!there) {
            return no_such_instance(sql_, instance.name);
        }
        there->certificate_hash = hex_hash(instance);
        there->certificate_pem = instance.certificate_pem;
        const Outcome<void> free =
            check_certificate_free(sql_, there->certificate_hash, instance.name);
        if (!free) {
            return std::unexpected(free.error());
        }
        sql_ << "UPDATE instances SET certificate_hash = :hash, certificate_pem = :pem WHERE id = "
                ":id",
            soci::use(there->certificate_hash), soci::use(there->certificate_pem),
            soci::use(there->id);
        transaction.commit();
        return *there;
    });
}

Outcome<std::int64_t> Instances::remove(std::string_view name) {
    return guarded([&]() -> Outcome<std::int64_t> {
        soci::transaction transaction(sql_);
        (void)take_numbers(sql_, 1);
        const std::optional<Instance> there = read_one(sql_, "name", std::string(name));
        if (!there) {
            return no_such_instance(sql_, name);
        }
        std::int64_t devices = 0;
        sql_ << "SELECT count(*) FROM devices WHERE instance_id = :id AND state <> 'removed'",
            soci::use(there->id), soci::into(devices);
        for (const char* statement : {"DELETE FROM device_users WHERE device IN (SELECT id FROM "
                                      "devices WHERE instance_id = :id)",
                                      "DELETE FROM devices WHERE instance_id = :id",
                                      "DELETE FROM observations WHERE instance_id = :id",
                                      "DELETE FROM nodes WHERE instance_id = :id",
                                      "DELETE FROM instances WHERE id = :id"}) {
            sql_ << statement, soci::use(there->id);
        }
        transaction.commit();
        return devices;
    });
}

}  // namespace eg::mdm
