#include "proxy/config/read.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "proxy/base/text.h"
#include "proxy/config/fields.h"
#include "proxy/config/read_instance.h"
#include "proxy/config/validate.h"

namespace eg::config {

namespace {

constexpr DurationRange kPatience{.least = Milliseconds(10), .most = 24h};
constexpr std::uint64_t kAnySize = 1ULL << 50;
constexpr std::uint64_t kMany = 10'000'000;

std::string host_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
        return "easgate";
    }
    return name.data();
}

void read_node(Reading& reading, const Section* section, Node& node) {
    Fields fields(reading, section, "node");
    fields.word("name", node.name);
    if (const Section* workers = fields.value("workers");
        workers != nullptr && workers->text != "auto") {
        const auto count = parse_unsigned(workers->text);
        if (workers->kind != Section::Kind::scalar || workers->quoted || !count || *count < 1 ||
            *count > 256 || workers->text[0] == '0') {
            fields.expected("workers", *workers, "auto or a whole number from 1 to 256");
        } else {
            node.workers = static_cast<unsigned>(*count);
        }
    }
    fields.text("user", node.user);
    std::string admin = node.admin->to_string();
    fields.word("admin", admin);
    node.admin = SocketAddress::parse(admin);
    if (!admin.empty() && (!node.admin || node.admin->port == 0)) {
        fields.problem("admin", "expected ADDRESS:PORT, as 127.0.0.1:9180, or \"\" for none");
    }
    fields.number("max_connections", node.max_connections, {.least = 1, .most = 10'000'000});
    fields.duration("drain_delay", node.drain_delay, {.least = 0s, .most = 1h});
    fields.duration("drain_timeout", node.drain_timeout, {.least = 0s, .most = 24h});
    fields.duration("drain_spread", node.drain_spread, {.least = 0s, .most = 24h});
    fields.file("control", node.control);
    fields.finish();
}

void read_mdm(Reading& reading, const Section* section, Mdm& mdm) {
    Fields fields(reading, section, "mdm");
    fields.texts("url", mdm.urls, true);
    for (std::string& url : mdm.urls) {
        while (url.ends_with('/')) {
            url.pop_back();
        }
    }
    fields.file("ca_file", mdm.ca_file);
    fields.boolean("allow_all_certificates", mdm.allow_all_certificates);
    fields.duration("state_lifetime", mdm.state_lifetime, {.least = 1s, .most = 24h});
    fields.file("state_file", mdm.state_file);
    fields.finish();
}

void read_tls(Reading& reading, const Section* section, Tls& tls) {
    Fields fields(reading, section, "tls");
    fields.file("certificate_file", tls.certificate_file);
    fields.file("private_key_file", tls.private_key_file);
    fields.file("pkcs12_file", tls.pkcs12_file);
    fields.secret("pkcs12_password", tls.pkcs12_password);
    fields.file("pkcs12_password_file", tls.pkcs12_password_file);
    fields.choice("min_version", tls.min_version,
                  {{"1.2", TlsVersion::tls12}, {"1.3", TlsVersion::tls13}});
    fields.choice("record_layer", tls.record_layer,
                  {{"easgate", RecordLayer::easgate}, {"openssl", RecordLayer::openssl}});
    fields.file("ticket_keys_file", tls.ticket_keys_file);
    fields.finish();
}

void read_log(Reading& reading, const Section* section, Log& log) {
    Fields fields(reading, section, "log");
    fields.file("directory", log.directory);
    fields.choice("level", log.level,
                  {{"debug", LogLevel::debug},
                   {"info", LogLevel::info},
                   {"warning", LogLevel::warning},
                   {"error", LogLevel::error}});
    fields.choice("format", log.format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
    fields.boolean("access", log.access);
    fields.finish();
}

void read_limits(Reading& reading, const Section* section, Limits& limits) {
    Fields fields(reading, section, "limits");
    fields.size("header_bytes", limits.header_bytes, {.least = 1024, .most = 64 * 1024});
    fields.number("header_count", limits.header_count, {.least = 1, .most = 1000});
    fields.duration("header_timeout", limits.header_timeout, kPatience);
    fields.duration("handshake_timeout", limits.handshake_timeout, kPatience);
    fields.duration("idle_timeout", limits.idle_timeout, kPatience);
    fields.duration("body_timeout", limits.body_timeout, kPatience);
    fields.size("body_rate", limits.body_rate, {.least = 0, .most = kAnySize});
    fields.size("request_body", limits.request_body, {.least = 0, .most = kAnySize});
    fields.duration("connect_timeout", limits.connect_timeout, kPatience);
    fields.duration("upstream_timeout", limits.upstream_timeout, kPatience);
    fields.duration("held_timeout", limits.held_timeout, kPatience);
    fields.duration("write_timeout", limits.write_timeout, kPatience);
    fields.number("upstream_idle", limits.upstream_idle, {.least = 0, .most = 10'000});
    fields.number("address_connections", limits.address_connections, {.least = 0, .most = kMany});
    fields.number("address_requests", limits.address_requests, {.least = 0, .most = kMany});
    fields.number("device_requests", limits.device_requests, {.least = 0, .most = kMany});
    fields.number("user_requests", limits.user_requests, {.least = 0, .most = kMany});
    fields.size("spool_memory", limits.spool_memory, {.least = 1024, .most = 1024 * 1024});
    fields.size("spool_body", limits.spool_body, {.least = 1024, .most = kAnySize});
    fields.size("spool_total", limits.spool_total, {.least = 1024, .most = kAnySize});
    fields.finish();
}

/// `all`, or a list.
void read_patterns(Fields& fields, std::string_view key,
                   std::optional<std::vector<std::string>>& patterns) {
    const Section* given = fields.value(key);
    if (given != nullptr && given->kind == Section::Kind::list) {
        patterns.emplace();
        fields.texts(key, *patterns, false);
    } else if (given != nullptr && (given->kind != Section::Kind::scalar || given->text != "all")) {
        fields.expected(key, *given, "all, or a list of patterns with * and ?");
    }
}

void read_user_agents(Reading& reading, const Section* section, MailUserAgents& agents) {
    Fields fields(reading, section, "mail_user_agents");
    read_patterns(fields, "allow", agents.allow);
    read_patterns(fields, "device_types", agents.device_types);
    fields.texts("secure_email", agents.secure_email, false);
    fields.finish();
}

void read_instances(Reading& reading, Fields& top, std::vector<Instance>& instances) {
    const Section* section = top.value("instances");
    if (section == nullptr) {
        return;
    }
    if (section->kind != Section::Kind::list) {
        top.expected("instances", *section, "a list, each entry of which starts with '- name:'");
        return;
    }
    for (std::size_t i = 0; i < section->items.size() && reading.problems.size() <= kMaxProblems;
         ++i) {
        std::string path = fmt::format("instances[{}]", i);
        reading.positions.insert_or_assign(path, section->items[i].at);
        instances.push_back(read_instance(reading, &section->items[i], std::move(path)));
    }
}

void read_config(Reading& reading, const Section& root, Config& config) {
    Fields top(reading, &root, "");
    read_node(reading, top.value("node"), config.node);
    read_mdm(reading, top.value("mdm"), config.mdm);
    read_tls(reading, top.value("tls"), config.tls);
    read_log(reading, top.value("log"), config.log);
    read_limits(reading, top.value("limits"), config.limits);
    read_user_agents(reading, top.value("mail_user_agents"), config.mail_user_agents);
    read_instances(reading, top, config.instances);
    top.finish();
}

/// What the file leaves to us: the name of the host, the socket beside the state file.
void complete(Config& config) {
    if (config.node.name.empty()) {
        config.node.name = host_name();
    }
    if (config.node.control.empty()) {
        config.node.control =
            (std::filesystem::path(config.mdm.state_file).parent_path() / "easgate.sock").string();
    }
}

/// In the order of the file, at most kMaxProblems of them, each with the name of the file.
Problems tidy(Problems problems, const std::string& path) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    if (problems.size() > kMaxProblems) {
        problems.resize(kMaxProblems);
        Problem more;
        more.message = "there are more problems than are shown here";
        problems.push_back(std::move(more));
    }
    for (Problem& problem : problems) {
        problem.file = path;
    }
    return problems;
}

}  // namespace

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys = [] {
        Reading reading;
        Section root;
        root.kind = Section::Kind::map;
        Config config;
        read_config(reading, root, config);
        static_cast<void>(read_instance(reading, nullptr, "instances[0]"));
        return std::move(reading.known);
    }();
    return keys;
}

ReadResult read_text(std::string_view text, const std::string& path) {
    ReadResult out;
    out.config.path = path;
    out.source = text;
    // A byte order mark says nothing in UTF-8 and would only shift the columns of the first line.
    if (text.starts_with("\xEF\xBB\xBF")) {
        out.source.erase(0, 3);
    }
    Reading reading;
    reading.folder = std::filesystem::path(path).parent_path().string();
    auto root = parse_yaml(out.source, reading.problems);
    if (root) {
        read_config(reading, *root, out.config);
        complete(out.config);
    }
    const bool readable =
        root && (root->kind == Section::Kind::map || root->kind == Section::Kind::nothing);
    if (readable) {
        validate(out.config, reading.positions, reading.problems);
    }
    out.problems = tidy(std::move(reading.problems), path);
    out.positions = std::move(reading.positions);
    return out;
}

Result<ReadResult> read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(path.c_str(), "re"), [](std::FILE* f) { return std::fclose(f); });
    if (file == nullptr) {
        return fail(ErrorCode::io, Side::self, "can't open the configuration file", errno);
    }
    std::string text;
    std::array<char, 16384> piece{};
    // One byte over the limit is enough to be told that the file is too large.
    while (text.size() <= kMaxSourceBytes) {
        const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get());
        if (got == 0) {
            break;
        }
        text.append(piece.data(), got);
    }
    if (std::ferror(file.get()) != 0) {
        return fail(ErrorCode::io, Side::self, "can't read the configuration file", errno);
    }
    return read_text(text, path);
}

}  // namespace eg::config
