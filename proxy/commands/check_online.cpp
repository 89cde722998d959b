#include "proxy/commands/check_online.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "proxy/base/json.h"
#include "proxy/commands/check_files.h"
#include "proxy/commands/control.h"

namespace eg::commands {

namespace {

constexpr long kPatienceMs = 5000;

struct CurlFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Curl = std::unique_ptr<CURL, CurlFree>;

/// What a running node of ours holds; nothing if none answers at the control socket.
std::optional<std::vector<SocketAddress>> held_by_node(const config::Node& node) {
    std::string body;
    const auto status = fetch(node.control, "/status", [&](std::string_view piece) {
        constexpr std::size_t kMost = 16UL * 1024 * 1024;
        body.append(piece.substr(0, kMost - std::min(body.size(), kMost)));
    });
    if (!status) {
        return std::nullopt;
    }
    std::vector<SocketAddress> held;
    const Json root(json_loadb(body.data(), body.size(), 0, nullptr));
    std::size_t i = 0;
    json_t* instance = nullptr;
    json_array_foreach(json_object_get(root.get(), "instances"), i, instance) {
        std::size_t j = 0;
        json_t* listen = nullptr;
        json_array_foreach(json_object_get(instance, "listen"), j, listen) {
            const char* text = json_string_value(listen);
            if (const auto address = SocketAddress::parse(text == nullptr ? "" : text)) {
                held.push_back(*address);
            }
        }
    }
    if (node.admin) {
        held.push_back(*node.admin);  // the status doesn't tell it
    }
    return held;
}

/// 0, or the errno of binding. Never listens, so that no connection can arrive here instead of at
/// the node.
int try_bind(const SocketAddress& address) {
    const int fd =
        socket(address.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    const int yes = 1;
    const int only_v6 = address.address.is_unspecified() ? 0 : 1;  // as the node does
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (!address.address.is_v4()) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    }
    sockaddr_storage native{};
    const socklen_t length = address.to_native(native);
    const int error = bind(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0 ? 0 : errno;
    close(fd);
    return error;
}

std::string explain_bind(int error) {
    switch (error) {
        case EADDRINUSE:
            return "another program listens there (or a node of ours that this user may not ask)";
        case EACCES:
            return "this user may not bind it; ports below 1024 need root or CAP_NET_BIND_SERVICE";
        case EADDRNOTAVAIL:
            return "this machine has no such address";
        default:
            return std::strerror(error);
    }
}

void check_ports(const config::Config& config, CheckReport& report) {
    std::vector<SocketAddress> wanted;
    if (config.node.admin) {
        wanted.push_back(*config.node.admin);
    }
    for (const config::Instance& instance : config.instances) {
        wanted.insert(wanted.end(), instance.listen.begin(), instance.listen.end());
    }
    const auto held = held_by_node(config.node);
    for (const SocketAddress& address : wanted) {
        const bool ours = held && std::any_of(held->begin(), held->end(), [&](const auto& other) {
                              return other.port == address.port;
                          });
        if (ours) {
            report.add(Outcome::ok, "port", address.to_string(), "held by the running node");
            continue;
        }
        const int error = try_bind(address);
        report.add(error == 0 ? Outcome::ok : Outcome::failed, "port", address.to_string(),
                   error == 0 ? "" : explain_bind(error));
    }
}

/// Drops the body: the status says it all, and a full list of devices may be large.
std::size_t refuse_body(char*, std::size_t, std::size_t, void*) {
    return 0;
}

struct Peer {
    std::string url;
    std::string ca_file;
    bool allow_all = false;
    std::string_view ca_key;       // of the configuration, for what is said about it
    std::string_view address_key;  // likewise
};

/// A handle that trusts what the configuration trusts. `reason` must outlive it.
Curl connect_to(const Peer& peer, std::array<char, CURL_ERROR_SIZE>& reason) {
    Curl handle(curl_easy_init());
    if (handle == nullptr) {
        return handle;
    }
    CURL* curl = handle.get();
    curl_easy_setopt(curl, CURLOPT_URL, peer.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kPatienceMs);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, refuse_body);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, peer.allow_all ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, peer.allow_all ? 0L : 2L);
    if (!peer.ca_file.empty()) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, peer.ca_file.c_str());
        curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    }
    return handle;
}

/// Why the peer wasn't reached and where to look, as a sentence.
std::string why(CURL* curl, CURLcode code, const std::array<char, CURL_ERROR_SIZE>& reason,
                const Peer& peer) {
    const std::string said = reason[0] != '\0' ? reason.data() : curl_easy_strerror(code);
    long number = 0;
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return fmt::format("its name can't be resolved ({}); see {} and this machine's DNS",
                               said, peer.address_key);
        case CURLE_COULDNT_CONNECT:
            curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
            return number == ECONNREFUSED
                       ? std::string(
                             "connection refused: nothing listens there; does the server run, and "
                             "is the port right?")
                       : fmt::format("can't be connected to ({})",
                                     number != 0 ? std::strerror(static_cast<int>(number)) : said);
        case CURLE_OPERATION_TIMEDOUT:
            return fmt::format(
                "no answer within {} s: does a firewall drop packets, or does the server hang{}?",
                kPatienceMs / 1000,
                peer.url.starts_with("https") ? ", or wait because the port is one without TLS"
                                              : "");
        case CURLE_PEER_FAILED_VERIFICATION:
            // libcurl tells the two apart by its text only.
            return said.starts_with("SSL certificate problem")
                       ? fmt::format(
                             "its certificate isn't trusted ({}); {} names the authorities "
                             "that are",
                             said, peer.ca_key)
                       : fmt::format(
                             "its certificate is for another name ({}); {} must be a name "
                             "or an address that the certificate bears",
                             said, peer.address_key);
        case CURLE_SSL_CACERT_BADFILE:
            return fmt::format("{} {} can't be used ({})", peer.ca_key, peer.ca_file, said);
        case CURLE_SSL_CONNECT_ERROR:
            return fmt::format("no TLS there ({}); is it the right port?", said);
        default:
            return said;
    }
}

void check_mail_server(const config::Instance& instance, CheckReport& report) {
    const std::string server = instance.activesync_server.to_string(0);
    std::array<char, CURL_ERROR_SIZE> reason{};
    const Peer peer{.url = (instance.ssl ? "https://" : "http://") + server + "/",
                    .ca_file = instance.backend_ca_file,
                    .allow_all = instance.backend_allow_all_certificates,
                    .ca_key = "backend_ca_file",
                    .address_key = "activesync_server"};
    const Curl handle = connect_to(peer, reason);
    if (handle == nullptr) {
        report.add(Outcome::failed, "mail server", server, "libcurl can't be used");
        return;
    }
    curl_easy_setopt(handle.get(), CURLOPT_CONNECT_ONLY, 1L);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK) {
        report.add(Outcome::failed, "mail server", server, why(handle.get(), code, reason, peer));
        return;
    }
    const char* address = nullptr;
    curl_easy_getinfo(handle.get(), CURLINFO_PRIMARY_IP, &address);
    const char* with = !instance.ssl ? ""
                       : instance.backend_allow_all_certificates
                           ? " with TLS, its certificate unchecked (backend_allow_all_certificates)"
                           : " with a TLS certificate that is trusted";
    report.add(Outcome::ok, "mail server", server,
               fmt::format("answers at {}{}", address == nullptr ? "?" : address, with));
}

/// One URL as one instance: nothing if it answers as it should, else why not.
std::optional<std::string> ask_mdm(const std::string& url, const config::Config& config,
                                   const config::Instance& instance) {
    std::array<char, CURL_ERROR_SIZE> reason{};
    const Peer peer{.url = url + "/api/gateway/v1/devices?wait=0",
                    .ca_file = config.mdm.ca_file,
                    .allow_all = config.mdm.allow_all_certificates,
                    .ca_key = "mdm.ca_file",
                    .address_key = "mdm.url"};
    const Curl handle = connect_to(peer, reason);
    if (handle == nullptr) {
        return "libcurl can't be used";
    }
    CURL* curl = handle.get();
    curl_easy_setopt(curl, CURLOPT_SSLCERT, instance.identity_certificate_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, instance.identity_private_key_file.c_str());
    const CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const bool answered =
        code == CURLE_OK || code == CURLE_WRITE_ERROR;  // the latter by refuse_body
    if (!answered) {
        return why(curl, code, reason, peer);
    }
    if (status == 401) {
        return fmt::format(
            "the MDM server doesn't know the certificate {}; upload it there "
            "(easgate-mdm: 'instance add')",
            instance.identity_certificate_file);
    }
    if (status != 200 && status != 204) {
        return fmt::format(
            "unexpected status {} for /api/gateway/v1/devices; is mdm.url that of the MDM server's "
            "gateway interface?",
            status);
    }
    return std::nullopt;
}

void check_mdm(const config::Config& config, const config::Instance& instance,
               CheckReport& report) {
    if (!has_identity(instance)) {
        report.add(Outcome::failed, "MDM server", instance.name,
                   "not asked, because the identity can't be loaded");
        return;
    }
    std::vector<std::pair<std::string, std::optional<std::string>>> results;
    for (const std::string& url : config.mdm.urls) {
        results.emplace_back(url, ask_mdm(url, config, instance));
    }
    const bool reached = std::any_of(results.begin(), results.end(),
                                     [](const auto& result) { return !result.second; });
    for (const auto& [url, reason] : results) {
        // One of several that works is enough for the device states to stay fresh.
        const Outcome bad = reached ? Outcome::warning : Outcome::failed;
        report.add(reason ? bad : Outcome::ok, "MDM server",
                   fmt::format("{} as {}", url, instance.name), reason.value_or(""));
    }
}

}  // namespace

void check_online(const config::Config& config, CheckReport& report) {
    check_ports(config, report);
    std::set<std::string> asked;
    for (const config::Instance& instance : config.instances) {
        const std::string key =
            fmt::format("{} {} {} {}", instance.activesync_server.to_string(0), instance.ssl,
                        instance.backend_allow_all_certificates, instance.backend_ca_file);
        if (asked.insert(key).second) {
            check_mail_server(instance, report);
        }
        check_mdm(config, instance, report);
    }
}

}  // namespace eg::commands
