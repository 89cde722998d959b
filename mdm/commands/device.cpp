#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mdm/commands/commands.h"
#include "mdm/commands/device_csv.h"
#include "mdm/store/device_rules.h"
#include "mdm/store/devices.h"
#include "mdm/store/instances.h"

namespace eg::mdm {
namespace {

constexpr std::size_t kShownProblems = 50;

/// The database and the instance that a command is about.
struct Place {
    Database database;
    Instance instance;
};

Outcome<Place> find_place(const std::string& config_file, const std::string& name) {
    Outcome<Database> database = open_database(config_file);
    if (!database) {
        return std::unexpected(database.error());
    }
    Outcome<Instance> instance = Instances(*database).choose(name);
    if (!instance) {
        return std::unexpected(instance.error());
    }
    return Place{*std::move(database), *std::move(instance)};
}

std::string described(const device::Record& record) {
    return fmt::format(
        "state {}, {}{}", device::to_string(record.state),
        record.users.empty() ? "any user" : fmt::format("users {}", fmt::join(record.users, ", ")),
        record.keys.empty() ? "" : fmt::format(", keys {}", key_list(record.keys)));
}

/// One sentence with every wrong line, as far as they fit on a screen or two.
Failure problems_of(const std::string& file, const std::vector<CsvProblem>& problems) {
    std::string text =
        fmt::format("nothing was imported; {} has {} wrong lines\n", file, problems.size());
    for (std::size_t i = 0; i < problems.size() && i < kShownProblems; ++i) {
        fmt::format_to(std::back_inserter(text), "{}:{}: {}\n", file, problems[i].line,
                       problems[i].message);
    }
    if (problems.size() > kShownProblems) {
        fmt::format_to(std::back_inserter(text), "and {} more\n", problems.size() - kShownProblems);
    }
    return {FailureKind::invalid, text};
}

}  // namespace

int add_device(const std::string& config_file, const DeviceOptions& options) {
    Outcome<Place> place = find_place(config_file, options.instance);
    if (!place) {
        return report(place.error());
    }
    const device::Record record{
        options.id, options.change.users.value_or(std::vector<std::string>{}),
        options.change.state.value_or(device::State::allow), options.change.reason.value_or(""),
        options.change.keys.value_or(std::vector<device::KeyHash>{})};
    const Outcome<void> added = Devices(place->database).add(place->instance.id, record);
    if (!added) {
        return report(added.error());
    }
    return print(fmt::format("added {} to {}: {}\n", record.id, place->instance.name,
                             described(record)))
               ? kSuccess
               : kFailure;
}

int set_device(const std::string& config_file, const DeviceOptions& options) {
    Outcome<Place> place = find_place(config_file, options.instance);
    if (!place) {
        return report(place.error());
    }
    const Outcome<device::Record> now =
        Devices(place->database).change(place->instance.id, options.id, options.change);
    if (!now) {
        return report(now.error());
    }
    return print(fmt::format("{} of {}: {}\n", now->id, place->instance.name, described(*now)))
               ? kSuccess
               : kFailure;
}

int remove_device(const std::string& config_file, const DeviceOptions& options) {
    Outcome<Place> place = find_place(config_file, options.instance);
    if (!place) {
        return report(place.error());
    }
    const Outcome<void> removed = Devices(place->database).remove(place->instance.id, options.id);
    if (!removed) {
        return report(removed.error());
    }
    return print(fmt::format("removed {} from {}\n", options.id, place->instance.name)) ? kSuccess
                                                                                        : kFailure;
}

int import_devices(const std::string& config_file, const std::string& instance,
                   const std::string& csv_file) {
    Outcome<Place> place = find_place(config_file, instance);
    if (!place) {
        return report(place.error());
    }
    const Outcome<std::string> text = read_text_file(csv_file);
    if (!text) {
        return report(text.error());
    }
    const DeviceList list = parse_device_csv(*text);
    if (!list.problems.empty()) {
        return report(problems_of(csv_file, list.problems));
    }
    const Outcome<ImportCounts> counts =
        Devices(place->database).import(place->instance.id, list.records, list.parts);
    if (!counts) {
        return report(counts.error());
    }
    return print(fmt::format("{}: {} devices added, {} changed, {} were so already\n",
                             place->instance.name, counts->added, counts->changed,
                             counts->unchanged))
               ? kSuccess
               : kFailure;
}

}  // namespace eg::mdm
