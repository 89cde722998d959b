/// The configuration as typed values with their defaults; data only. docs: conf/easgate.yaml.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/base/secret.h"
#include "proxy/base/units.h"

namespace eg::config {

using namespace std::chrono_literals;

struct Node {
    std::string name;      // default: host name
    unsigned workers = 0;  // 0 = auto, one a core
    std::string user;      // switch to it after binding
    std::optional<SocketAddress> admin = SocketAddress::parse("127.0.0.1:9180");  // nothing = off
    std::uint64_t max_connections = 100'000;
    Milliseconds drain_delay = 0s;
    Milliseconds drain_timeout = 30s;
    Milliseconds drain_spread = 10s;  // held requests end over this long, up to drain_timeout
    std::string control;              // path of the Unix socket; never empty once read
};

struct Mdm {
    std::vector<std::string> urls;  // tried in turn; without a slash at the end
    std::string ca_file;            // "" = the system's
    bool allow_all_certificates = false;
    Milliseconds state_lifetime = 24h;
    std::string state_file = "/var/lib/easgate/devices.state";
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };
enum class RecordLayer : std::uint8_t { easgate, openssl };  // of TLS 1.3 with phones

struct Tls {
    std::string certificate_file;
    std::string private_key_file;
    std::string pkcs12_file;
    Secret pkcs12_password;  // inline; the file below is the better way
    std::string pkcs12_password_file;
    TlsVersion min_version = TlsVersion::tls12;
    RecordLayer record_layer = RecordLayer::easgate;
    std::string ticket_keys_file;
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json };

struct Log {
    std::string directory = "/var/log/easgate";
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    bool access = true;
};

struct Limits {
    Bytes header_bytes = kibibytes(16);
    unsigned header_count = 100;
    Milliseconds header_timeout = 10s;
    Milliseconds handshake_timeout = 5s;
    Milliseconds idle_timeout = 120s;
    Milliseconds body_timeout = 30s;
    Bytes body_rate{500};  // a second, after 10 s
    Bytes request_body{0};
    Milliseconds connect_timeout = 5s;
    Milliseconds upstream_timeout = 130s;
    Milliseconds held_timeout = 3660s;
    Milliseconds write_timeout = 60s;
    unsigned upstream_idle = 64;  // idle connections kept to a mail server, per worker and instance
    // 0 = no limit. Requests are counted over a minute.
    unsigned address_connections = 0;
    unsigned address_requests = 0;
    unsigned device_requests = 0;
    unsigned user_requests = 0;
    // Bodies that `upstream_chunked: length` keeps until their length is known.
    Bytes spool_memory = kibibytes(64);   // of one body; what is more goes to a file
    Bytes spool_body = mebibytes(64);     // the largest
    Bytes spool_total = mebibytes(1024);  // of all of them at a time
};

/// Whether what the filters say of device, user and user agent is in force, or only logged.
enum class Mode : std::uint8_t { enforce, observe };

/// To what the first good use of a device binds it.
enum class Bind : std::uint8_t { none, user, certificate };
/// How a permitted protocol tells a client that it is refused.
enum class RefusalAnswer : std::uint8_t { http, activesync };
/// What becomes of a request body of unknown length on its way to the mail server.
enum class UpstreamChunked : std::uint8_t { pass, length };
enum class Autodiscover : std::uint8_t { off, forward, answer };
/// What becomes of Traveler requests that name no device.
enum class TravelerUnidentified : std::uint8_t { forward, learned, deny };

struct Instance {
    std::string name;
    std::vector<SocketAddress> listen;
    bool tls = true;
    bool require_client_certificate = false;
    std::string client_ca_file;
    std::string client_crl_file;
    HostPort activesync_server;
    bool ssl = true;  // TLS to the mail server
    std::string backend_ca_file;
    bool backend_allow_all_certificates = false;
    std::string public_url;  // as phones see it, no slash at the end; may be empty
    Mode mode = Mode::enforce;
    RefusalAnswer refusal_answer = RefusalAnswer::http;
    std::vector<std::string> protocol_versions;  // as "14.1"; empty = as the mail server
    bool allow_document_lookups = false;         // Search and ItemOperations in document libraries
    UpstreamChunked upstream_chunked = UpstreamChunked::pass;
    Autodiscover autodiscover = Autodiscover::off;
    Bind bind = Bind::none;
    Milliseconds lockout_shield{0};  // 0 = off
    bool allow_ews_subscriptions = false;
    std::vector<std::string> ews_push_hosts;  // "*" = any; empty: none
    bool enable_traveler = false;
    TravelerUnidentified traveler_unidentified = TravelerUnidentified::forward;
    /// Where Traveler's clients name their device.
    std::vector<std::string> traveler_device_parameters{"deviceId", "devid", "did"};
    std::vector<std::string> traveler_device_fields{"X-DeviceId", "Device-Id"};
    std::vector<std::string> user_domains;  // empty: any
    std::string certificate_file;           // instead of the one under tls:
    std::string private_key_file;
    std::string identity_certificate_file;
    std::string identity_private_key_file;
};

/// Patterns with * and ?, letter case ignored.
struct MailUserAgents {
    std::optional<std::vector<std::string>> allow;         // nothing = all
    std::optional<std::vector<std::string>> device_types;  // nothing = all
    /// The secure e-mail app, for the MDM server's `only_secure_email`.
    std::vector<std::string> secure_email{"easgate-secure-mail*"};
};

struct Config {
    std::string path;  // of the file itself
    Node node;
    Mdm mdm;
    Tls tls;
    Log log;
    Limits limits;
    MailUserAgents mail_user_agents;
    std::vector<Instance> instances;
};

}  // namespace eg::config
