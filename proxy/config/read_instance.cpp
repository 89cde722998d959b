#include "proxy/config/read_instance.h"

#include <array>
#include <utility>

#include "proxy/base/ip.h"

namespace eg::config {

namespace {

void read_listen(Fields& fields, std::vector<SocketAddress>& listen) {
    std::vector<std::string> texts;
    fields.texts("listen", texts, true);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto address = SocketAddress::parse(texts[i]);
        const std::size_t digits = texts[i].rfind(':') + 1;
        if (address && address->port != 0 && texts[i][digits] != '0') {
            listen.push_back(*address);
            continue;
        }
        const std::string element = fmt::format("listen[{}]", i);
        Section got;
        got.kind = Section::Kind::scalar;
        got.text = texts[i];
        fields.expected(fields.has(element) ? element : "listen", got,
                        "ADDRESS:PORT with a port from 1 to 65535, as \"0.0.0.0:443\", "
                        "\"[::1]:443\" or \"*:443\"");
    }
}

void read_mail_server(Fields& fields, Instance& instance) {
    std::string server;
    fields.word("activesync_server", server);
    fields.boolean("ssl", instance.ssl);
    if (server.empty()) {
        return;  // validate() says that it is required
    }
    const auto parsed = HostPort::parse(server, instance.ssl ? 443 : 80);
    if (parsed) {
        instance.activesync_server = *parsed;
        return;
    }
    instance.activesync_server.host = "?";  // so that it isn't missed a second time
    fields.problem(
        "activesync_server",
        server.find("://") != std::string::npos
            ? "expected a name or address with an optional :port, without https:// and path"
            : "expected a name or address with an optional :port, as mail.corp.example, "
              "10.0.0.5:8443 or [2001:db8::1]");
}

void read_later(Fields& fields) {
    fields.later_list("proxy_protocol_from");
    fields.later_list("forwarded_from");
}

/// How a permitted protocol is spoken, and what is kept of its devices.
void read_conduct(Fields& fields, Instance& instance) {
    fields.choice("refusal_answer", instance.refusal_answer,
                  {{"http", RefusalAnswer::http}, {"activesync", RefusalAnswer::activesync}});
    fields.texts("protocol_versions", instance.protocol_versions, false);
    fields.boolean("allow_document_lookups", instance.allow_document_lookups);
    fields.choice("upstream_chunked", instance.upstream_chunked,
                  {{"pass", UpstreamChunked::pass}, {"length", UpstreamChunked::length}});
    fields.choice("bind", instance.bind,
                  {{"none", Bind::none}, {"user", Bind::user}, {"certificate", Bind::certificate}});
    fields.duration("lockout_shield", instance.lockout_shield, {.least = 0s, .most = 24h});
}

void read_services(Fields& fields, Instance& instance) {
    fields.boolean("allow_ews_subscriptions", instance.allow_ews_subscriptions);
    fields.texts("ews_push_hosts", instance.ews_push_hosts, false);
    fields.choice("autodiscover", instance.autodiscover,
                  {{"off", Autodiscover::off},
                   {"forward", Autodiscover::forward},
                   {"answer", Autodiscover::answer}});
    fields.boolean("enable_traveler", instance.enable_traveler);
    fields.choice("traveler_unidentified", instance.traveler_unidentified,
                  {{"forward", TravelerUnidentified::forward},
                   {"learned", TravelerUnidentified::learned},
                   {"deny", TravelerUnidentified::deny}});
    fields.texts("traveler_device_parameters", instance.traveler_device_parameters, false);
    fields.texts("traveler_device_fields", instance.traveler_device_fields, false);
}

}  // namespace

Instance read_instance(Reading& reading, const Section* section, std::string path) {
    using namespace std::string_view_literals;
    static constexpr std::array kTypes{"eas-proxy"sv, "powershell"sv};
    Instance instance;
    Fields fields(reading, section, std::move(path));
    fields.word("name", instance.name);
    fields.later_choice("type", kTypes);
    read_listen(fields, instance.listen);
    fields.boolean("tls", instance.tls);
    fields.boolean("require_client_certificate", instance.require_client_certificate);
    fields.file("client_ca_file", instance.client_ca_file);
    fields.file("client_crl_file", instance.client_crl_file);
    read_mail_server(fields, instance);
    fields.file("backend_ca_file", instance.backend_ca_file);
    fields.boolean("backend_allow_all_certificates", instance.backend_allow_all_certificates);
    fields.text("public_url", instance.public_url);
    while (instance.public_url.ends_with('/')) {
        instance.public_url.pop_back();
    }
    fields.choice("mode", instance.mode, {{"enforce", Mode::enforce}, {"observe", Mode::observe}});
    read_services(fields, instance);
    read_conduct(fields, instance);
    read_later(fields);
    fields.texts("user_domains", instance.user_domains, false);
    fields.file("certificate_file", instance.certificate_file);
    fields.file("private_key_file", instance.private_key_file);
    fields.file("identity_certificate_file", instance.identity_certificate_file);
    fields.file("identity_private_key_file", instance.identity_private_key_file);
    fields.finish();
    return instance;
}

}  // namespace eg::config
