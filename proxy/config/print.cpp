#include "proxy/config/print.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::config {

namespace {

/// Quoted always: no reader can take the text for anything else.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + '"';
}

std::string quoted(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        out += (out.size() > 1 ? ", " : "") + quoted(text);
    }
    return out + ']';
}

/// Writes `key: value` lines at one depth.
class Lines {
  public:
    Lines(std::string& out, std::string_view indent) : out_(out), indent_(indent) {}

    void plain(std::string_view key, std::string_view value) {
        fmt::format_to(std::back_inserter(out_), "{}{}: {}\n", indent_, key, value);
    }
    void text(std::string_view key, std::string_view value) { plain(key, quoted(value)); }
    void texts(std::string_view key, const std::vector<std::string>& value) {
        plain(key, quoted(value));
    }
    void boolean(std::string_view key, bool value) { plain(key, value ? "true" : "false"); }
    void number(std::string_view key, std::uint64_t value) { plain(key, std::to_string(value)); }
    void duration(std::string_view key, Milliseconds value) { plain(key, print_duration(value)); }
    void size(std::string_view key, Bytes value) { plain(key, print_size(value)); }

  private:
    std::string& out_;
    std::string_view indent_;
};

std::string_view name(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warning:
            return "warning";
        case LogLevel::error:
            return "error";
    }
    return "";
}

void print_node(std::string& out, const Node& node) {
    out += "node:\n";
    Lines lines(out, "  ");
    lines.text("name", node.name);
    lines.plain("workers", node.workers == 0 ? "auto" : std::to_string(node.workers));
    lines.text("user", node.user);
    lines.text("admin", node.admin ? node.admin->to_string() : "");
    lines.number("max_connections", node.max_connections);
    lines.duration("drain_delay", node.drain_delay);
    lines.duration("drain_timeout", node.drain_timeout);
    lines.duration("drain_spread", node.drain_spread);
    lines.text("control", node.control);
}

void print_mdm(std::string& out, const Mdm& mdm) {
    out += "mdm:\n";
    Lines lines(out, "  ");
    lines.texts("url", mdm.urls);
    lines.text("ca_file", mdm.ca_file);
    lines.boolean("allow_all_certificates", mdm.allow_all_certificates);
    lines.duration("state_lifetime", mdm.state_lifetime);
    lines.text("state_file", mdm.state_file);
}

void print_tls(std::string& out, const Tls& tls) {
    out += "tls:\n";
    Lines lines(out, "  ");
    lines.text("certificate_file", tls.certificate_file);
    lines.text("private_key_file", tls.private_key_file);
    lines.text("pkcs12_file", tls.pkcs12_file);
    lines.text("pkcs12_password_file", tls.pkcs12_password_file);
    lines.text("min_version", tls.min_version == TlsVersion::tls13 ? "1.3" : "1.2");
    lines.plain("record_layer", tls.record_layer == RecordLayer::easgate ? "easgate" : "openssl");
    lines.text("ticket_keys_file", tls.ticket_keys_file);
}

void print_log(std::string& out, const Log& log) {
    out += "log:\n";
    Lines lines(out, "  ");
    lines.text("directory", log.directory);
    lines.plain("level", name(log.level));
    lines.plain("format", log.format == LogFormat::json ? "json" : "text");
    lines.boolean("access", log.access);
}

void print_limits(std::string& out, const Limits& limits) {
    out += "limits:\n";
    Lines lines(out, "  ");
    lines.size("header_bytes", limits.header_bytes);
    lines.number("header_count", limits.header_count);
    lines.duration("header_timeout", limits.header_timeout);
    lines.duration("handshake_timeout", limits.handshake_timeout);
    lines.duration("idle_timeout", limits.idle_timeout);
    lines.duration("body_timeout", limits.body_timeout);
    lines.size("body_rate", limits.body_rate);
    lines.size("request_body", limits.request_body);
    lines.duration("connect_timeout", limits.connect_timeout);
    lines.duration("upstream_timeout", limits.upstream_timeout);
    lines.duration("held_timeout", limits.held_timeout);
    lines.duration("write_timeout", limits.write_timeout);
    lines.number("upstream_idle", limits.upstream_idle);
    lines.number("address_connections", limits.address_connections);
    lines.number("address_requests", limits.address_requests);
    lines.number("device_requests", limits.device_requests);
    lines.number("user_requests", limits.user_requests);
    lines.size("spool_memory", limits.spool_memory);
    lines.size("spool_body", limits.spool_body);
    lines.size("spool_total", limits.spool_total);
}

std::string_view name(TravelerUnidentified unidentified) {
    switch (unidentified) {
        case TravelerUnidentified::forward:
            return "forward";
        case TravelerUnidentified::learned:
            return "learned";
        case TravelerUnidentified::deny:
            return "deny";
    }
    return "";
}

std::string_view name(Autodiscover autodiscover) {
    switch (autodiscover) {
        case Autodiscover::off:
            return "\"off\"";  // without quotes YAML reads false
        case Autodiscover::forward:
            return "forward";
        case Autodiscover::answer:
            return "answer";
    }
    return "";
}

std::string_view name(Bind bind) {
    switch (bind) {
        case Bind::none:
            return "none";
        case Bind::user:
            return "user";
        case Bind::certificate:
            return "certificate";
    }
    return "";
}

void print_user_agents(std::string& out, const MailUserAgents& agents) {
    out += "mail_user_agents:\n";
    Lines lines(out, "  ");
    lines.plain("allow", agents.allow ? quoted(*agents.allow) : "all");
    lines.plain("device_types", agents.device_types ? quoted(*agents.device_types) : "all");
    lines.texts("secure_email", agents.secure_email);
}

void print_instance(std::string& out, const Instance& instance) {
    std::vector<std::string> listen;
    for (const SocketAddress& address : instance.listen) {
        listen.push_back(address.to_string());
    }
    out += fmt::format("  - name: {}\n", quoted(instance.name));
    Lines lines(out, "    ");
    lines.texts("listen", listen);
    lines.boolean("tls", instance.tls);
    lines.boolean("require_client_certificate", instance.require_client_certificate);
    lines.text("client_ca_file", instance.client_ca_file);
    lines.text("client_crl_file", instance.client_crl_file);
    lines.text("activesync_server", instance.activesync_server.to_string(0));
    lines.boolean("ssl", instance.ssl);
    lines.text("backend_ca_file", instance.backend_ca_file);
    lines.boolean("backend_allow_all_certificates", instance.backend_allow_all_certificates);
    lines.text("public_url", instance.public_url);
    lines.plain("mode", instance.mode == Mode::observe ? "observe" : "enforce");
    lines.boolean("allow_ews_subscriptions", instance.allow_ews_subscriptions);
    lines.texts("ews_push_hosts", instance.ews_push_hosts);
    lines.plain("autodiscover", name(instance.autodiscover));
    lines.boolean("enable_traveler", instance.enable_traveler);
    lines.plain("traveler_unidentified", name(instance.traveler_unidentified));
    lines.texts("traveler_device_parameters", instance.traveler_device_parameters);
    lines.texts("traveler_device_fields", instance.traveler_device_fields);
    lines.plain("refusal_answer",
                instance.refusal_answer == RefusalAnswer::http ? "http" : "activesync");
    lines.texts("protocol_versions", instance.protocol_versions);
    lines.boolean("allow_document_lookups", instance.allow_document_lookups);
    lines.plain("upstream_chunked",
                instance.upstream_chunked == UpstreamChunked::pass ? "pass" : "length");
    lines.plain("bind", name(instance.bind));
    lines.duration("lockout_shield", instance.lockout_shield);
    lines.texts("user_domains", instance.user_domains);
    lines.text("certificate_file", instance.certificate_file);
    lines.text("private_key_file", instance.private_key_file);
    lines.text("identity_certificate_file", instance.identity_certificate_file);
    lines.text("identity_private_key_file", instance.identity_private_key_file);
}

}  // namespace

std::string print(const Config& config) {
    std::string out;
    print_node(out, config.node);
    print_mdm(out, config.mdm);
    print_tls(out, config.tls);
    print_log(out, config.log);
    print_limits(out, config.limits);
    print_user_agents(out, config.mail_user_agents);
    out += config.instances.empty() ? "instances: []\n" : "instances:\n";
    for (const Instance& instance : config.instances) {
        print_instance(out, instance);
    }
    return out;
}

}  // namespace eg::config
