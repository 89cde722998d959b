#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "mdm/commands/commands.h"
#include "mdm/commands/table.h"
#include "mdm/json_text.h"
#include "mdm/store/devices.h"
#include "mdm/store/instances.h"
#include "mdm/store/migrations.h"
#include "mdm/store/observations.h"

namespace eg::mdm {
namespace {

struct InstanceStatus {
    Instance instance;
    StateCounts devices{};
    ObservationCounts seen;
    std::vector<NodeFacts> nodes;
};

Outcome<std::vector<InstanceStatus>> collect(Database& database) {
    const auto instances = Instances(database).list();
    if (!instances) {
        return std::unexpected(instances.error());
    }
    std::vector<InstanceStatus> all;
    for (const Instance& instance : *instances) {
        const auto devices = Devices(database).count(instance.id);
        const auto seen = Observations(database).count(instance.id);
        const auto nodes = Observations(database).nodes(instance.id);
        if (!devices || !seen || !nodes) {
            return std::unexpected(!devices ? devices.error()
                                   : !seen  ? seen.error()
                                            : nodes.error());
        }
        all.push_back({instance, *devices, *seen, *nodes});
    }
    return all;
}

/// Whether somebody accepts connections where the server should listen.
bool is_listening(SocketAddress address) {
    if (address.address.is_unspecified()) {
        address.address = *IpAddress::parse("127.0.0.1");
    }
    sockaddr_storage native{};
    const socklen_t length = address.to_native(native);
    const int fd = ::socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    const timeval patience{2, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0;
    ::close(fd);
    return connected;
}

std::int64_t last_report(const InstanceStatus& status) {
    std::int64_t last = 0;
    for (const NodeFacts& node : status.nodes) {
        last = std::max(last, node.last_report);
    }
    return last;
}

std::int64_t in_state(const InstanceStatus& status, device::State state) {
    return status.devices[static_cast<std::size_t>(state)];
}

std::string as_text(const Config& config, bool listening,
                    const std::vector<InstanceStatus>& instances) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(config.database, error);
    std::string text =
        fmt::format("server    {} {}\ndatabase  {}, version {}, {} KiB\n",
                    listening ? "answers on" : "doesn't answer on", config.listen.to_string(),
                    config.database, newest_version(), error ? 0 : bytes / 1024);
    if (instances.empty()) {
        return text +
               "no instance yet; add one with `easgate-mdm instance add NAME --certificate FILE`\n";
    }
    Table table({"INSTANCE", "ALLOW", "DENY", "NON-COMPLIANT", "WIPE", "SEEN", "SEEN UNLISTED",
                 "LAST SEEN", "NODES", "LAST REPORT"});
    for (const InstanceStatus& each : instances) {
        table.add({each.instance.name, fmt::to_string(in_state(each, device::State::allow)),
                   fmt::to_string(in_state(each, device::State::deny)),
                   fmt::to_string(in_state(each, device::State::non_compliant)),
                   fmt::to_string(in_state(each, device::State::wipe)),
                   fmt::to_string(each.seen.listed), fmt::to_string(each.seen.unlisted),
                   local_time(each.seen.last_seen), fmt::to_string(each.nodes.size()),
                   local_time(last_report(each))});
    }
    return text + table.take();
}

std::string json_time(std::int64_t epoch_seconds) {
    return epoch_seconds == 0 ? "null" : fmt::format("\"{}\"", utc_time(epoch_seconds));
}

void append_nodes(std::string& out, const std::vector<NodeFacts>& nodes) {
    bool first = true;
    for (const NodeFacts& node : nodes) {
        out += first ? "{\"name\":" : ",{\"name\":";
        append_json_string(out, node.name);
        out += ",\"version\":";
        append_json_string(out, node.version);
        fmt::format_to(std::back_inserter(out), R"(,"last_report":{}}})",
                       json_time(node.last_report));
        first = false;
    }
}

std::string as_json(const Config& config, bool listening,
                    const std::vector<InstanceStatus>& instances) {
    std::string text = "{\"listen\":";
    append_json_string(text, config.listen.to_string());
    fmt::format_to(std::back_inserter(text), R"(,"listening":{},"database":)", listening);
    append_json_string(text, config.database);
    fmt::format_to(std::back_inserter(text), R"(,"version":{},"instances":[)", newest_version());
    bool first = true;
    for (const InstanceStatus& each : instances) {
        text += first ? "{\"name\":" : ",{\"name\":";
        append_json_string(text, each.instance.name);
        fmt::format_to(std::back_inserter(text),
                       R"(,"devices":{{"allow":{},"deny":{},"non_compliant":{},"wipe":{}}},)"
                       R"("seen":{},"seen_unlisted":{},"last_seen":{},"nodes":[)",
                       in_state(each, device::State::allow), in_state(each, device::State::deny),
                       in_state(each, device::State::non_compliant),
                       in_state(each, device::State::wipe), each.seen.listed, each.seen.unlisted,
                       json_time(each.seen.last_seen));
        append_nodes(text, each.nodes);
        text += "]}";
        first = false;
    }
    return text + "]}\n";
}

}  // namespace

int status(const std::string& config_file, ListFormat format) {
    const Outcome<Config> config = load_config(config_file);
    if (!config) {
        return report(config.error());
    }
    Outcome<Database> database = Database::open(config->database, Milliseconds(5000));
    if (!database) {
        return report(database.error());
    }
    const auto instances = collect(*database);
    if (!instances) {
        return report(instances.error());
    }
    const bool listening = is_listening(config->listen);
    return print(format == ListFormat::json ? as_json(*config, listening, *instances)
                                            : as_text(*config, listening, *instances))
               ? kSuccess
               : kFailure;
}

}  // namespace eg::mdm
