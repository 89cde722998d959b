#include "proxy/config/validate.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/config/check_services.h"

namespace eg::config {

namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestSocket = 107;  // sun_path of sockaddr_un, less the final NUL
constexpr std::size_t kLongestPattern = 256;
constexpr std::size_t kLongestUrl = 300;

class Checker {
  public:
    Checker(const Positions& positions, Problems& problems)
        : positions_(positions), problems_(problems) {}

    void error(std::string key, std::string message) {
        add(Severity::error, std::move(key), std::move(message));
    }
    void warning(std::string key, std::string message) {
        add(Severity::warning, std::move(key), std::move(message));
    }
    /// True if reading found something wrong at this key already.
    [[nodiscard]] bool reported(std::string_view key) const {
        return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& p) {
            return p.key == key || (p.key.starts_with(key) && p.key.size() > key.size() &&
                                    p.key[key.size()] == '[');
        });
    }
    void required(const std::string& key, bool there, std::string_view what) {
        // What is wrong with the whole section was said already.
        if (!there && !reported(key) && !reported(key.substr(0, key.rfind('.')))) {
            error(key, fmt::format("required: {}", what));
        }
    }
    /// The place of the key, or of the nearest section around it.
    [[nodiscard]] Position place(std::string_view key) const {
        while (!key.empty()) {
            if (const auto found = positions_.find(key); found != positions_.end()) {
                return found->second;
            }
            const std::size_t cut = key.find_last_of(".[");
            key = key.substr(0, cut == std::string_view::npos ? 0 : cut);
        }
        return {};
    }

  private:
    void add(Severity severity, std::string key, std::string message) {
        const Position at = place(key);
        Problem problem;
        problem.severity = severity;
        problem.line = at.line;
        problem.column = at.column;
        problem.key = std::move(key);
        problem.message = std::move(message);
        problems_.push_back(std::move(problem));
    }

    const Positions& positions_;
    Problems& problems_;
};

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; });
}

/// A node's name is a field of its own in log lines, so it may hold no space.
bool is_node_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

/// `https://host[:port][/path]`; no user, query or fragment.
bool is_https_url(std::string_view url) {
    if (!istarts_with(url, "https://") || url.find_first_of("@?#\\ ") != std::string_view::npos) {
        return false;
    }
    url.remove_prefix(std::string_view("https://").size());
    return HostPort::parse(url.substr(0, url.find('/')), 443).has_value();
}

/// The same without a path: where an instance is published.
bool is_https_origin(std::string_view url) {
    return is_https_url(url) && url.size() <= kLongestUrl &&
           url.find('/', std::string_view("https://").size()) == std::string_view::npos;
}

/// Whether both can't be bound by different instances: each has ports of its own. `[::]` takes IPv4
/// too.
bool overlap(const SocketAddress& a, const SocketAddress& b) {
    const auto covers = [](const IpAddress& any, const IpAddress& other) {
        return any.is_unspecified() && (!any.is_v4() || other.is_v4());
    };
    return a.port == b.port &&
           (a.address == b.address || covers(a.address, b.address) || covers(b.address, a.address));
}

/// Two file keys of which each needs the other.
void check_pair(Checker& checker, const std::string& section, std::string_view first_key,
                const std::string& first, const std::string& second) {
    const bool identity = first_key.starts_with("identity_");
    const std::string_view second_key = identity ? "identity_private_key_file" : "private_key_file";
    if (!first.empty() && second.empty()) {
        checker.error(
            fmt::format("{}.{}", section, first_key),
            fmt::format("{} is missing: a certificate needs its private key", second_key));
    } else if (first.empty() && !second.empty()) {
        checker.error(fmt::format("{}.{}", section, second_key),
                      fmt::format("{} is missing: a private key needs its certificate", first_key));
    }
}

void check_node(Checker& checker, const Node& node) {
    if (!is_node_name(node.name)) {
        checker.error(
            "node.name",
            fmt::format("expected at most {} letters, digits, '-', '.' and '_'", kLongestName));
    }
    if (node.control.size() > kLongestSocket) {
        checker.error(
            "node.control",
            fmt::format("the path of the socket is {} bytes long; a Unix socket's path can "
                        "have at most {}",
                        node.control.size(), kLongestSocket));
    }
}

void check_mdm(Checker& checker, const Mdm& mdm) {
    checker.required("mdm.url", !mdm.urls.empty(),
                     "the address of the MDM server, as https://mdm.example.com:8443");
    for (std::size_t i = 0; i < mdm.urls.size(); ++i) {
        const std::string element = fmt::format("mdm.url[{}]", i);
        if (!is_https_url(mdm.urls[i])) {
            checker.error(mdm.urls.size() == 1 ? "mdm.url" : element,
                          "expected https://HOST[:PORT][/PATH] without user, query and fragment");
        }
    }
    if (mdm.state_file.empty()) {
        checker.error("mdm.state_file", "required: where the device states survive a restart");
    }
    if (mdm.allow_all_certificates) {
        checker.warning(
            "mdm.allow_all_certificates",
            "anybody in the network can pose as the MDM server and permit devices; give "
            "its authority in ca_file instead");
    }
}

void check_tls(Checker& checker, const Tls& tls) {
    check_pair(checker, "tls", "certificate_file", tls.certificate_file, tls.private_key_file);
    const bool pem = !tls.certificate_file.empty() || !tls.private_key_file.empty();
    if (pem && !tls.pkcs12_file.empty()) {
        checker.error(
            "tls.pkcs12_file",
            "give either pkcs12_file, or certificate_file and private_key_file, not both");
    }
    const bool password = !tls.pkcs12_password.empty() || !tls.pkcs12_password_file.empty();
    if (password && tls.pkcs12_file.empty()) {
        checker.error(
            tls.pkcs12_password.empty() ? "tls.pkcs12_password_file" : "tls.pkcs12_password",
            "there is no pkcs12_file that it could open");
    }
    if (!tls.pkcs12_password.empty() && !tls.pkcs12_password_file.empty()) {
        checker.error("tls.pkcs12_password", "give either the password or pkcs12_password_file");
    }
}

void check_patterns(Checker& checker, std::string_view name,
                    const std::vector<std::string>& patterns) {
    const std::string list = fmt::format("mail_user_agents.{}", name);
    if (patterns.empty() && !checker.reported(list)) {
        checker.warning(list, name == "secure_email"
                                  ? "an empty list permits no client at all where the MDM server "
                                    "asks for the secure e-mail app"
                                  : "an empty list permits no client at all");
    }
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        const std::string key = fmt::format("{}[{}]", list, i);
        if (patterns[i].empty() || patterns[i].size() > kLongestPattern) {
            checker.error(key, fmt::format("expected a pattern of 1 to {} bytes", kLongestPattern));
        } else if (patterns[i].find_first_not_of('*') == std::string::npos) {
            checker.warning(key, name == "secure_email"
                                     ? "this pattern takes every client for the secure e-mail app"
                                     : fmt::format("this pattern permits every client; write {}: "
                                                   "all if it is meant",
                                                   name));
        }
    }
}

void check_user_agents(Checker& checker, const MailUserAgents& agents) {
    if (agents.allow) {
        check_patterns(checker, "allow", *agents.allow);
    }
    if (agents.device_types) {
        check_patterns(checker, "device_types", *agents.device_types);
    }
    check_patterns(checker, "secure_email", agents.secure_email);
}

void check_client_certificates(Checker& checker, const std::string& path,
                               const Instance& instance) {
    if (instance.require_client_certificate) {
        checker.required(path + ".client_ca_file", !instance.client_ca_file.empty(),
                         "the authority whose client certificates are accepted");
        if (!instance.tls) {
            checker.error(path + ".require_client_certificate",
                          "client certificates need tls: true at this instance");
        }
    }
    if (!instance.client_crl_file.empty() && instance.client_ca_file.empty()) {
        checker.error(path + ".client_crl_file",
                      "client_ca_file is missing: without it no client "
                      "certificate is checked");
    } else if (!instance.client_ca_file.empty() && !instance.require_client_certificate) {
        checker.warning(path + ".client_ca_file",
                        "no client certificate is asked for, because require_client_certificate is "
                        "false");
    }
}

void check_instance(Checker& checker, const std::string& path, const Instance& instance,
                    const Tls& tls) {
    if (checker.reported(path)) {
        return;  // it isn't a map
    }
    if (!is_name(instance.name) && !checker.reported(path + ".name")) {
        checker.error(
            path + ".name",
            instance.name.empty()
                ? "required: a name of small letters, digits and '-'"
                : fmt::format("expected at most {} small letters, digits and '-'", kLongestName));
    }
    checker.required(path + ".listen", !instance.listen.empty(), "ADDRESS:PORT, or a list of them");
    checker.required(path + ".activesync_server", !instance.activesync_server.host.empty(),
                     "name or address of the mail server");
    const bool own = !instance.certificate_file.empty() || !instance.private_key_file.empty();
    check_pair(checker, path, "certificate_file", instance.certificate_file,
               instance.private_key_file);
    if (instance.tls && !own && tls.certificate_file.empty() && tls.private_key_file.empty() &&
        tls.pkcs12_file.empty()) {
        checker.error(path + ".tls",
                      "a server certificate is missing: give certificate_file and "
                      "private_key_file here, or a certificate under tls:");
    }
    check_client_certificates(checker, path, instance);
    checker.required(
        path + ".identity_certificate_file",
        !instance.identity_certificate_file.empty() || !instance.identity_private_key_file.empty(),
        "the certificate that this instance shows to the MDM server, with "
        "identity_private_key_file");
    check_pair(checker, path, "identity_certificate_file", instance.identity_certificate_file,
               instance.identity_private_key_file);
    if (instance.backend_allow_all_certificates) {
        checker.warning(
            path + ".backend_allow_all_certificates",
            "anybody in the network can pose as the mail server and read passwords; give "
            "its authority in backend_ca_file instead");
    }
    if (!instance.public_url.empty() && !is_https_origin(instance.public_url)) {
        checker.error(path + ".public_url",
                      "expected https://HOST[:PORT] as phones see it, without a path");
    }
    if (instance.mode == Mode::observe) {
        checker.warning(
            path + ".mode",
            "this instance ONLY OBSERVES: any device, user and user agent gets through, "
            "and what would be refused is only logged; see 'easgate preview'");
    }
    for (ServiceFinding& finding : check_services(instance)) {
        std::string key = fmt::format("{}.{}", path, finding.key);
        if (finding.error) {
            checker.error(std::move(key), std::move(finding.message));
        } else {
            checker.warning(std::move(key), std::move(finding.message));
        }
    }
    for (std::size_t i = 0; i < instance.user_domains.size(); ++i) {
        if (!is_node_name(instance.user_domains[i])) {
            checker.error(fmt::format("{}.user_domains[{}]", path, i),
                          "expected a domain, as CORP or corp.example");
        }
    }
}

void check_names(Checker& checker, const std::vector<Instance>& instances) {
    for (std::size_t i = 0; i < instances.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (!instances[i].name.empty() && instances[i].name == instances[j].name) {
                const std::string first = fmt::format("instances[{}].name", j);
                checker.error(fmt::format("instances[{}].name", i),
                              fmt::format("the name is taken already by instances[{}] in line {}",
                                          j, checker.place(first).line));
                break;
            }
        }
    }
}

struct Listener {
    SocketAddress address;
    std::string owner;  // the key that it comes from
};

void check_listeners(Checker& checker, const Config& config) {
    std::vector<Listener> taken;
    if (config.node.admin) {
        taken.push_back({*config.node.admin, "node.admin"});
    }
    for (std::size_t i = 0; i < config.instances.size(); ++i) {
        const auto& listen = config.instances[i].listen;
        const std::string key = fmt::format("instances[{}].listen", i);
        for (std::size_t j = 0; j < listen.size(); ++j) {
            const std::string own = listen.size() == 1 ? key : fmt::format("{}[{}]", key, j);
            const auto clash = std::find_if(taken.begin(), taken.end(), [&](const Listener& other) {
                return overlap(other.address, listen[j]);
            });
            if (clash != taken.end()) {
                checker.error(
                    own, fmt::format("{} is taken already: {} listens at {}", listen[j].to_string(),
                                     clash->owner, clash->address.to_string()));
            }
            taken.push_back({listen[j], own});
        }
    }
}

}  // namespace

void validate(const Config& config, const Positions& positions, Problems& problems) {
    Checker checker(positions, problems);
    check_node(checker, config.node);
    check_mdm(checker, config.mdm);
    check_tls(checker, config.tls);
    if (config.log.directory.empty()) {
        checker.error("log.directory", "required: the directory of the log files");
    }
    check_user_agents(checker, config.mail_user_agents);
    checker.required("instances", !config.instances.empty(), "at least one instance");
    for (std::size_t i = 0; i < config.instances.size(); ++i) {
        check_instance(checker, fmt::format("instances[{}]", i), config.instances[i], config.tls);
    }
    check_names(checker, config.instances);
    check_listeners(checker, config);
}

}  // namespace eg::config
