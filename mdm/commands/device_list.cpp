#include <string>
#include <vector>

#include <fmt/format.h>

#include "mdm/commands/commands.h"
#include "mdm/commands/table.h"
#include "mdm/json_text.h"
#include "mdm/store/devices.h"
#include "mdm/store/instances.h"

namespace eg::mdm {
namespace {

constexpr std::int64_t kDevicesAtOnce = 1000;

/// Prints devices part by part, so that a million of them need little memory.
class DevicePrinter {
  public:
    explicit DevicePrinter(ListFormat format) : format_(format) {}

    bool add(const std::string& instance, const std::vector<NumberedRecord>& devices) {
        std::string json;
        for (const NumberedRecord& device : devices) {
            if (format_ == ListFormat::json) {
                json += any_ ? ",\n " : "[";
                append_json(json, instance, device);
            } else {
                add_row(instance, device);
            }
            any_ = true;
        }
        return print(format_ == ListFormat::json ? json : table_.take());
    }

    bool finish() {
        if (format_ == ListFormat::json) {
            return print(any_ ? "]\n" : "[]\n");
        }
        return any_ || print("no devices yet; add one with `easgate-mdm device add ID`\n");
    }

  private:
    void add_row(const std::string& instance, const NumberedRecord& device) {
        const device::Record& record = device.record;
        table_.add({record.id, instance, std::string(device::to_string(record.state)),
                    record.users.empty() ? "any" : fmt::format("{}", fmt::join(record.users, ", ")),
                    local_time(device.number), record.reason});
    }

    static void append_json(std::string& out, const std::string& instance,
                            const NumberedRecord& device) {
        out += "{\"id\":";
        append_json_string(out, device.record.id);
        out += ",\"instance\":";
        append_json_string(out, instance);
        out += ",\"users\":[";
        bool first = true;
        for (const std::string& user : device.record.users) {
            out += first ? "" : ",";
            append_json_string(out, user);
            first = false;
        }
        fmt::format_to(std::back_inserter(out),
                       "],\"state\":\"{}\",\"reason\":", device::to_string(device.record.state));
        append_json_string(out, device.record.reason);
        append_json_keys(out, device.record.keys);
        out += ",\"last_seen\":";
        out += device.number == 0 ? "null" : fmt::format("\"{}\"", utc_time(device.number));
        out += '}';
    }

    ListFormat format_;
    Table table_{{"ID", "INSTANCE", "STATE", "USERS", "LAST SEEN", "REASON"}};
    bool any_ = false;
};

Outcome<std::vector<Instance>> chosen(Database& database, const std::string& name) {
    if (name.empty()) {
        return Instances(database).list();
    }
    Outcome<Instance> one = Instances(database).find(name);
    if (!one) {
        return std::unexpected(one.error());
    }
    return std::vector<Instance>{*std::move(one)};
}

}  // namespace

int list_devices(const std::string& config_file, const std::string& instance, ListFormat format) {
    Outcome<Database> database = open_database(config_file);
    if (!database) {
        return report(database.error());
    }
    const auto instances = chosen(*database, instance);
    if (!instances) {
        return report(instances.error());
    }
    DevicePrinter printer(format);
    for (const Instance& each : *instances) {
        std::string after;
        while (true) {
            const auto devices = Devices(*database).page(each.id, after, kDevicesAtOnce);
            if (!devices) {
                return report(devices.error());
            }
            if (devices->empty()) {
                break;
            }
            if (!printer.add(each.name, *devices)) {
                return kFailure;
            }
            after = device::canonical_id(devices->back().record.id);
        }
    }
    return printer.finish() ? kSuccess : kFailure;
}

}  // namespace eg::mdm
