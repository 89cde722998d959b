#include "mdm/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "proxy/config/fields.h"

namespace eg::mdm {
namespace {

using config::Fields;
using config::Reading;
using config::Section;

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
        return "easgate-mdm";
    }
    return name.data();
}

void read_node(Reading& reading, const Section* section, Config& config) {
    Fields fields(reading, section, "node");
    fields.word("name", config.node_name);
    fields.word("user", config.user);
    fields.finish();
}

void read_log(Reading& reading, const Section* section, config::Log& log) {
    Fields fields(reading, section, "log");
    fields.file("directory", log.directory);
    fields.choice("level", log.level,
                  {{"debug", config::LogLevel::debug},
                   {"info", config::LogLevel::info},
                   {"warning", config::LogLevel::warning},
                   {"error", config::LogLevel::error}});
    fields.choice("format", log.format,
                  {{"text", config::LogFormat::text}, {"json", config::LogFormat::json}});
    fields.finish();
}

void read_top(Reading& reading, const Section& root, Config& config) {
    Fields top(reading, &root, "");
    read_node(reading, top.value("node"), config);
    std::string listen = "*:8443";
    top.word("listen", listen);
    const auto address = SocketAddress::parse(listen);
    if (!address || address->port == 0) {
        top.problem("listen",
                    "expected ADDRESS:PORT with a port from 1 to 65535, as 0.0.0.0:8443 or *:8443");
    } else {
        config.listen = *address;
    }
    top.file("database", config.database);
    top.file("certificate_file", config.certificate_file);
    top.file("private_key_file", config.private_key_file);
    read_log(reading, top.value("log"), config.log);
    const std::pair<const char*, const std::string*> required[] = {
        {"database", &config.database},
        {"certificate_file", &config.certificate_file},
        {"private_key_file", &config.private_key_file}};
    for (const auto& [key, value] : required) {
        if (value->empty()) {
            top.problem(key, "is required: the path of a file");
        }
    }
    top.finish();
}

}  // namespace

ConfigRead read_config_text(std::string_view text, const std::string& path) {
    ConfigRead out;
    out.config.path = path;
    out.config.log.directory = "/var/log/easgate-mdm";
    out.source = text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
    Reading reading;
    reading.folder = std::filesystem::path(path).parent_path().string();
    if (const auto root = config::parse_yaml(out.source, reading.problems)) {
        read_top(reading, *root, out.config);
    }
    if (out.config.node_name.empty()) {
        out.config.node_name = host_name();
    }
    std::ranges::stable_sort(reading.problems, [](const auto& a, const auto& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    for (config::Problem& problem : reading.problems) {
        problem.file = path;
    }
    out.problems = std::move(reading.problems);
    return out;
}

Result<ConfigRead> read_config_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               &std::fclose);
    if (file == nullptr) {
        return fail(ErrorCode::io, Side::self, "can't open the configuration file", errno);
    }
    std::string text;
    std::array<char, 16384> piece{};
    std::size_t got = 0;
    // One byte over the limit is enough for parse_yaml to say that the file is too large.
    while (text.size() <= config::kMaxSourceBytes &&
           (got = std::fread(piece.data(), 1, piece.size(), file.get())) > 0) {
        text.append(piece.data(), got);
    }
    if (std::ferror(file.get()) != 0) {
        return fail(ErrorCode::io, Side::self, "can't read the configuration file", errno);
    }
    return read_config_text(text, path);
}

}  // namespace eg::mdm
