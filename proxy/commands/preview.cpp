#include "proxy/commands/preview.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include <fmt/chrono.h>

#include "filters/verdict.h"
#include "proxy/base/json.h"
#include "proxy/config/read.h"

namespace eg::commands {
namespace {

constexpr int kUnknown = 2;
constexpr std::string_view kFileName = "EASProxy.log.";

std::expected<config::Config, std::string> read_config(const std::string& path) {
    Result<config::ReadResult> read = config::read_file(path);
    if (!read) {
        return std::unexpected(
            fmt::format("can't read {}: {}", path, std::strerror(read.error().sys_errno)));
    }
    if (config::has_errors(read->problems)) {
        return std::unexpected(
            fmt::format("the configuration file {} has errors; see 'easgate check'", path));
    }
    return std::move(read->config);
}

/// The names of the instances that are asked about and observe.
std::set<std::string> observing(const config::Config& config, const std::string& only) {
    std::set<std::string> names;
    for (const config::Instance& instance : config.instances) {
        if (instance.mode == config::Mode::observe && (only.empty() || instance.name == only)) {
            names.insert(instance.name);
        }
    }
    return names;
}

/// The log files of the last days, oldest first.
std::vector<std::filesystem::path> log_files(const std::string& directory, int days) {
    const auto first = std::chrono::system_clock::now() - std::chrono::hours(24 * (days - 1));
    const std::time_t when = std::chrono::system_clock::to_time_t(first);
    const std::string oldest = fmt::format("{}{:%Y-%m-%d}", kFileName, fmt::localtime(when));
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kFileName) && name.size() == oldest.size() && name >= oldest) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

void read_log(const std::vector<std::filesystem::path>& files, const std::set<std::string>& names,
              Preview& preview) {
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        for (std::string text; std::getline(in, text);) {
            if (text.find("allow") == std::string::npos) {
                continue;
            }
            const auto line = read_access_line(text);
            if (line && names.contains(line->instance)) {
                preview.add(*line);
            }
        }
    }
}

/// A line of the node's list (gate/cut_offs).
void take_node_line(std::string_view text, const std::set<std::string>& names, Preview& preview) {
    if (const auto line = read_access_line(text)) {
        if (names.contains(line->instance)) {
            preview.add(*line);
        }
        return;
    }
    const Json root(json_loadb(text.data(), text.size(), 0, nullptr));
    const char* instance = json_string_value(json_object_get(root.get(), "instance"));
    const json_int_t left_out = json_integer_value(json_object_get(root.get(), "left_out"));
    if (instance != nullptr && names.contains(instance) && left_out > 0) {
        preview.leave_out(static_cast<std::uint64_t>(left_out));
    }
}

/// The error is a sentence.
std::expected<void, std::string> ask_node(const config::Config& config,
                                          const std::set<std::string>& names, Preview& preview) {
    std::string part;  // the start of a line
    const auto status = fetch(config.node.control, "/preview", [&](std::string_view bytes) {
        part += bytes;
        std::size_t begin = 0;
        for (std::size_t end = part.find('\n'); end != std::string::npos;
             end = part.find('\n', begin)) {
            take_node_line(std::string_view(part).substr(begin, end - begin), names, preview);
            begin = end + 1;
        }
        part.erase(0, begin);
    });
    if (!status) {
        return std::unexpected(status.error());
    }
    if (*status != 200) {
        return std::unexpected(fmt::format("the running node answers with status {}", *status));
    }
    return {};
}

void print_table(const std::vector<CutOff>& rows) {
    std::array<std::size_t, 4> width{8, 4, 6, 6};
    for (const CutOff& row : rows) {
        width = {std::max(width[0], row.instance.size()), std::max(width[1], row.user.size()),
                 std::max(width[2], row.device_id.size()), std::max(width[3], row.reason.size())};
    }
    const auto line = [&width](std::string_view instance, std::string_view user,
                               std::string_view device, std::string_view reason,
                               std::string_view rest) {
        fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<{}}  {}\n", instance, width[0], user, width[1],
                   device, width[2], reason, width[3], rest);
    };
    line("INSTANCE", "USER", "DEVICE", "REASON", "REQUESTS  LAST SEEN");
    for (const CutOff& row : rows) {
        line(row.instance, row.user, row.device_id, row.reason,
             fmt::format("{:>8}  {}", row.requests, row.last_seen));
    }
}

void print_json(const std::vector<CutOff>& rows) {
    for (const CutOff& row : rows) {
        json_t* object = json_pack(
            "{s:s, s:s, s:s, s:s, s:I, s:s}", "instance", row.instance.c_str(), "user",
            row.user.c_str(), "device_id", row.device_id.c_str(), "reason", row.reason.c_str(),
            "requests", static_cast<json_int_t>(row.requests), "last_seen", row.last_seen.c_str());
        const std::unique_ptr<char, decltype(&std::free)> text(json_dumps(object, JSON_COMPACT),
                                                               &std::free);
        json_decref(object);
        fmt::print("{}\n", text == nullptr ? "{}" : text.get());
    }
}

}  // namespace

void Preview::add(const AccessLine& line) {
    if (line.verdict != "allow") {
        return;
    }
    const std::string who =
        fmt::format("{} {} {} {}", line.instance, line.user, line.device_id, line.user_agent);
    auto found = by_who_.find(who);
    if (found == by_who_.end()) {
        if (!filters::is_relaxable(line.reason)) {
            return;  // those who are fine from the start need no memory
        }
        if (by_who_.size() >= most_) {
            ++left_out_;
            return;
        }
        found = by_who_.try_emplace(who).first;
    }
    if (!filters::is_relaxable(line.reason)) {
        by_who_.erase(found);
        return;
    }
    Last& last = found->second;
    last.requests = line.requests + (last.reason == line.reason ? last.requests : 0);
    last.reason = line.reason;
    last.time = line.time;
}

std::vector<CutOff> Preview::list() const {
    // Several user agents of one user and device become one row.
    std::map<std::string, CutOff> by_row;
    for (const auto& [who, last] : by_who_) {
        std::array<std::string_view, 3> name;  // escaped values have no space
        std::string_view rest = who;
        for (std::string_view& part : name) {
            part = rest.substr(0, rest.find(' '));
            rest.remove_prefix(part.size() + 1);
        }
        CutOff& row = by_row[fmt::format("{} {} {} {}", name[0], name[1], name[2], last.reason)];
        row.instance = name[0];
        row.user = name[1];
        row.device_id = name[2];
        row.reason = last.reason;
        row.last_seen = std::max(row.last_seen, last.time);
        row.requests += last.requests;
    }
    std::vector<CutOff> rows;
    rows.reserve(by_row.size());
    for (auto& [key, row] : by_row) {
        rows.push_back(std::move(row));
    }
    return rows;
}

int preview(const PreviewOptions& options) {
    const auto config = read_config(options.config);
    if (!config) {
        complain(config.error());
        return kUnknown;
    }
    const std::set<std::string> names = observing(*config, options.instance);
    if (names.empty()) {
        complain(options.instance.empty()
                     ? "no instance observes (mode: observe): nobody is let through unchecked"
                     : fmt::format("no instance '{}' that observes", options.instance));
        return options.instance.empty() ? 0 : kUnknown;
    }
    const auto files = config->log.access ? log_files(config->log.directory, options.days)
                                          : std::vector<std::filesystem::path>();
    Preview preview;
    std::string source =
        fmt::format("in {} day{} of log", files.size(), files.size() == 1 ? "" : "s");
    if (!files.empty()) {
        read_log(files, names, preview);
    } else if (const auto asked = ask_node(*config, names, preview); asked) {
        source = "by the running node since it observes";
    } else {
        complain(config->log.access
                     ? fmt::format("there is no log of the last days in {}", config->log.directory)
                     : "log.access is false: without access lines only a running node can tell");
        complain(asked.error());
        return kUnknown;
    }
    const std::vector<CutOff> rows = preview.list();
    if (options.json) {
        print_json(rows);
    } else if (rows.empty()) {
        fmt::print("Enforcing would cut off nobody of those who were seen {}.\n", source);
    } else {
        print_table(rows);
    }
    if (preview.left_out() != 0) {
        complain(fmt::format("the list is not whole: {} more requests are not counted",
                             preview.left_out()));
    }
    return rows.empty() ? 0 : 1;
}

}  // namespace eg::commands
