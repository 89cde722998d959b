#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "certs/identity.h"
#include "mdm/api/gateway_api.h"
#include "mdm/commands/commands.h"
#include "mdm/store/devices.h"
#include "mdm/store/observations.h"
#include "proxy/log/log.h"
#include "proxy/net/tls_context.h"
#include "proxy/server/process.h"

namespace eg::mdm {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The worker waits no longer for another process that writes: gates send a refused report again.
constexpr Milliseconds kServerWaits{200};
constexpr auto kHousekeepingEvery = 1h;
constexpr std::int64_t kDaySeconds = 24 * 60 * 60;
/// A gate that was away for longer gets everything anew.
constexpr std::int64_t kTombstonesKept = 30 * kDaySeconds;
constexpr std::int64_t kObservationsKept = 90 * kDaySeconds;
/// How long open answers may take to end after SIGTERM.
constexpr auto kLongestDrain = 5s;

Failure broken(std::string sentence) {
    return {FailureKind::broken, std::move(sentence)};
}

Outcome<std::shared_ptr<const net::TlsServerContext>> make_tls(const Config& config) {
    const auto identity = certs::load_pem(config.certificate_file, config.private_key_file);
    if (!identity) {
        return failed(FailureKind::invalid, identity.error());
    }
    net::TlsServerSettings settings;
    settings.certificate = identity->leaf.get();
    settings.key = identity->key.get();
    for (const certs::X509Ptr& certificate : identity->chain) {
        settings.chain.push_back(certificate.get());
    }
    // Gates show certificates of their own making: the database says which are known.
    settings.any_client_certificate = true;
    settings.name = "mdm";
    auto context = net::TlsServerContext::make(settings);
    if (!context) {
        return std::unexpected(broken(context.error()));
    }
    return std::shared_ptr<const net::TlsServerContext>(*std::move(context));
}

log::Settings log_settings(const Config& config) {
    return {.directory = config.log.directory,
            .file_name = "easgate-mdm.log",
            .node = config.node_name,
            .level = static_cast<log::Level>(config.log.level),
            .format = config.log.format == config::LogFormat::json ? log::Format::json
                                                                   : log::Format::text};
}

/// Everything that lives on the worker's thread beside the connections.
class Duties {
  public:
    Duties(Database& database, log::Log& log, server::Worker& worker)
        : database_(database), log_(log), worker_(worker), api_(database, log) {}

    [[nodiscard]] GatewayApi& api() { return api_; }

    /// Called at the end of each turn.
    void turn() {
        connections_.store(worker_.connections(), std::memory_order_relaxed);
        const auto now = Clock::now();
        if (now >= next_poll_) {
            next_poll_ = now + GatewayApi::kPollEvery;
            api_.poll();
        }
        if (now >= next_housekeeping_) {
            next_housekeeping_ = now + kHousekeepingEvery;
            keep_house();
        }
    }

    /// On the worker's thread: nothing new comes in, what waits is answered.
    void drain() {
        worker_.close_listeners();
        api_.release();
        worker_.drain_connections();
    }
    /// Any thread.
    [[nodiscard]] std::size_t connections() const {
        return connections_.load(std::memory_order_relaxed);
    }

  private:
    void keep_house() {
        const std::int64_t now = std::time(nullptr);
        const auto devices = Devices(database_).forget_removed(now - kTombstonesKept);
        const auto seen = Observations(database_).forget(now - kObservationsKept);
        if (!devices || !seen) {
            log_.event(log::Level::warning, "store", "old entries weren't removed: {}",
                       !devices ? devices.error().text : seen.error().text);
        }
    }

    Database& database_;
    log::Log& log_;
    server::Worker& worker_;
    GatewayApi api_;
    Clock::time_point next_poll_{};
    Clock::time_point next_housekeeping_ = Clock::now() + 1min;
    std::atomic<std::size_t> connections_{0};
};

Outcome<server::ServiceSettings> make_service(const Config& config) {
    auto tls = make_tls(config);
    if (!tls) {
        return std::unexpected(tls.error());
    }
    server::ServiceSettings settings;
    settings.name = "mdm";
    settings.tls = *std::move(tls);
    return settings;
}

/// Reads certificate and key again, from where the configuration now says. Anything wrong leaves
/// the old ones in force. What is connected stays, held requests too.
void reload(const Config& started_with, server::SimpleServer& server, Duties& duties,
            log::Log& log) {
    const Outcome<Config> config = load_config(started_with.path);
    const auto settings = config ? make_service(*config) : std::unexpected(config.error());
    if (!settings) {
        log.event(log::Level::error, "reload", "refused, the old certificate stays in force: {}",
                  settings.error().text);
        return;
    }
    server.renew_first(*settings, duties.api());
    if (config->listen != started_with.listen || config->database != started_with.database ||
        config->user != started_with.user) {
        log.event(log::Level::warning, "reload",
                  "listen, database and node.user count from the next start on");
    }
    log.event(log::Level::info, "reload", "certificate and key were read again: {}",
              config->certificate_file);
}

/// Returns after SIGTERM or SIGINT.
void serve(const Config& config, server::SimpleServer& server, Duties& duties, log::Log& log) {
    while (true) {
        switch (server::wait_for_signal(1h)) {
            case SIGTERM:
            case SIGINT:
                return;
            case SIGHUP:
                log.reopen();
                reload(config, server, duties, log);
                break;
            case SIGUSR1:
                log.reopen();
                break;
            default:
                break;
        }
    }
}

/// Waits until the last connection has ended, for a while; a second signal ends the wait.
void drain(server::SimpleServer& server, Duties& duties) {
    server.worker().post([&duties] { duties.drain(); });
    const auto end = Clock::now() + kLongestDrain;
    bool waits = server::wait_for_signal(100ms) == 0;
    while (waits && duties.connections() > 0 && Clock::now() < end) {
        waits = server::wait_for_signal(50ms) == 0;
    }
}

/// Binds the port and opens the database while we may be root, then becomes the user for good.
Outcome<void> prepare(const Config& config, server::SimpleServer& server, Duties& duties) {
    const auto settings = make_service(config);
    if (!settings) {
        return std::unexpected(settings.error());
    }
    const auto bound = server.add_listener(config.listen, *settings, duties.api());
    if (!bound) {
        return std::unexpected(broken(bound.error()));
    }
    if (!config.user.empty() && ::geteuid() == 0) {
        if (const auto became = server::become_user(config.user); !became) {
            return std::unexpected(broken(became.error()));
        }
    }
    // Each long answer opens the database anew, so the user must be able to.
    const Outcome<Database> again = Database::open_reader(config.database);
    return again ? Outcome<void>{} : std::unexpected(again.error());
}

}  // namespace

int run(const std::string& config_file) {
    const Outcome<Config> config = load_config(config_file);
    if (!config) {
        return report(config.error());
    }
    Outcome<Database> database = Database::open(config->database, kServerWaits);
    if (!database) {
        return report(database.error());
    }
    server::block_signals();
    log::Log log(log_settings(*config));
    server::SimpleServer server("mdm");
    Duties duties(*database, log, server.worker());
    if (const Outcome<void> ready = prepare(*config, server, duties); !ready) {
        return report(ready.error());
    }
    if (config->user.empty() && ::geteuid() == 0) {
        log.event(log::Level::warning, "main", "running as root; name a user in node.user");
    }
    server.on_turn([&duties] { duties.turn(); });
    server.start();
    log.event(log::Level::info, "main", "listening on {}", config->listen.to_string());
    fmt::print(stderr, "easgate-mdm: listening on {}\n", config->listen.to_string());
    serve(*config, server, duties, log);
    log.event(log::Level::info, "main", "ending");
    drain(server, duties);
    server.stop();
    return kSuccess;
}

}  // namespace eg::mdm
