#include "proxy/gate/gate.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "certs/identity.h"
#include "filters/names.h"
#include "proxy/device/file.h"
#include "proxy/gate/version.h"
#include "proxy/net/listener.h"

namespace eg::gate {

using log::Level;

namespace {

constexpr std::uint64_t kDescriptorsBeside = 256;  // listeners, feeds, logs, admin

std::vector<SocketAddress> addresses_of(const Loaded& loaded) {
    std::vector<SocketAddress> all;
    for (const auto& instance : loaded.instances) {
        const auto& listen = instance->settings().listen;
        all.insert(all.end(), listen.begin(), listen.end());
    }
    return all;
}

unsigned worker_count(const config::Config& config) {
    return config.node.workers != 0 ? config.node.workers
                                    : std::max(1U, std::thread::hardware_concurrency());
}

void close_all(const std::vector<std::vector<std::pair<SocketAddress, int>>>& bound) {
    for (const auto& of_worker : bound) {
        for (const auto& [address, fd] : of_worker) {
            ::close(fd);
        }
    }
}

}  // namespace

Gate::Gate(Loaded loaded) : loaded_(std::move(loaded)), config_(loaded_.config) {
    loaded_at_ = std::chrono::system_clock::now();
}

Gate::~Gate() {
    admin_.stop();
    control_.stop();
    for (auto& [name, published] : published_) {
        published.feed->stop();
    }
    for (auto& worker : workers_) {
        worker->stop();  // they ask the resolver
    }
    resolver_.reset();  // its thread posts to the workers' loops
    workers_.clear();
    for (auto& [name, published] : published_) {
        if (published.bindings != nullptr) {
            published.bindings->stop();
        }
    }
    if (log_ != nullptr) {
        log_->event(Level::info, "node", "stopped");
    }
}

std::expected<void, std::string> Gate::start() {
    std::vector<std::string> warnings = loaded_.warnings;
    limit_.most = config_.node.max_connections;
    const auto limited = raise_descriptor_limit();
    if (!limited) {
        warnings.push_back(limited.error());
    }
    auto bound = bind_new(loaded_);
    if (!bound) {
        return std::unexpected(bound.error());
    }
    if (const auto admin = bind_admin(); !admin) {
        return admin;
    }
    if (::geteuid() == 0 && config_.node.user.empty()) {
        warnings.push_back(
            "running as root: set node.user, and easgate becomes that user after binding");
    }
    if (!config_.node.user.empty() && ::geteuid() == 0) {
        if (const auto became = server::become_user(config_.node.user); !became) {
            return became;
        }
    }
    if (const auto free = states_are_free(); !free) {
        return free;
    }
    if (const auto control = bind_control(); !control) {
        return control;
    }
    log_ = std::make_unique<log::Log>(log_settings(config_));
    log_->event(Level::info, "node", "easgate {} starts with {}", kVersion, config_.path);
    for (const auto& warning : warnings) {
        log_->event(Level::warning, "config", "{}", warning);
        fmt::print(stderr, "easgate: warning: {}\n", warning);
    }
    warn_of_risks(config_);
    resolver_ = std::make_unique<net::SystemResolver>();
    for (std::size_t i = 0; i < worker_count(config_); ++i) {
        workers_.push_back(std::make_unique<WorkerApp>(
            i, WorkerApp::Shared{log_.get(), &metrics_, resolver_.get(), &limit_, &spool_space_}));
    }
    publish(loaded_, std::move(*bound));
    for (auto& worker : workers_) {
        worker->start();
    }
    {
        const std::lock_guard lock(mutex_);
        started_ = true;
    }
    admin_.start();
    control_.start();
    log_->event(Level::info, "node", "ready to accept: {} instances on {} workers",
                loaded_.instances.size(), workers_.size());
    return {};
}

/// Two nodes that write the same state files would spoil them for each other.
std::expected<void, std::string> Gate::states_are_free() const {
    for (const auto& instance : loaded_.instances) {
        const std::string& name = instance->settings().name;
        if (device::in_use(config_.mdm.state_file, name)) {
            return std::unexpected(fmt::format(
                "another easgate is running with the state file {}: stop it first, or give this "
                "node an mdm.state_file of its own",
                device::state_path(config_.mdm.state_file, name)));
        }
    }
    return {};
}

std::expected<void, std::string> Gate::raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return {};
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    // Each client connection may need one upstream.
    const std::uint64_t fits =
        limit.rlim_cur > 2 * kDescriptorsBeside ? (limit.rlim_cur - kDescriptorsBeside) / 2 : 16;
    if (limit_.most > fits) {
        const std::uint64_t wanted = limit_.most;
        limit_.most = fits;
        return std::unexpected(
            fmt::format("max_connections lowered from {} to {}: this process may open {} "
                        "descriptors; raise its limit "
                        "(LimitNOFILE, ulimit -n) to {}",
                        wanted, fits, limit.rlim_cur, 2 * wanted + kDescriptorsBeside));
    }
    return {};
}

std::expected<std::vector<Gate::Bound>, std::string> Gate::bind_new(const Loaded& loaded) {
    const unsigned count =
        workers_.empty() ? worker_count(loaded.config) : static_cast<unsigned>(workers_.size());
    std::vector<Bound> bound(count);
    for (const auto& address : addresses_of(loaded)) {
        if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end()) {
            continue;
        }
        for (auto& of_worker : bound) {
            const auto fd = net::bind_listener(address);
            if (!fd) {
                close_all(bound);
                return std::unexpected(fd.error());
            }
            of_worker.emplace_back(address, *fd);
        }
    }
    return bound;
}

std::expected<void, std::string> Gate::bind_admin() {
    if (!config_.node.admin) {
        return {};
    }
    server::ServiceSettings settings;
    settings.name = "admin";
    return admin_.add_listener(*config_.node.admin, settings, admin_handler_);
}

std::expected<void, std::string> Gate::bind_control() {
    server::ServiceSettings settings;
    settings.name = "control";
    return control_.add_unix_listener(config_.node.control, settings, control_handler_);
}

Gate::Published Gate::make_published(const config::Config& config,
                                     std::shared_ptr<const Instance> instance) {
    const auto& settings = instance->settings();
    DeviceFeed::Settings feed{
        .instance = settings.name,
        .mdm = config.mdm,
        .certificate_file = settings.identity_certificate_file,
        .private_key_file = settings.identity_private_key_file,
        .node = config.node.name,
        .user_key = instance->rules().needs_users() ? filters::user_key : nullptr};
    Published published;
    const auto found = published_.find(settings.name);
    if (found != published_.end()) {
        published = found->second;
        published.feed->change(std::move(feed));
    } else {
        published.trouble = std::make_shared<UpstreamTrouble>();
        published.agents = std::make_shared<LearnedAgents>();
        published.traveler_devices = std::make_shared<LearnedDevices>();
        published.feed = std::make_shared<DeviceFeed>(
            std::move(feed), *log_, [this, name = settings.name](StatesUpdate update) {
                publish_states(workers_, name, std::move(update));
            });
        published.feed->load();
        published.feed->start();
    }
    if (settings.mode != config::Mode::observe) {
        published.cut_offs = nullptr;
    } else if (published.cut_offs == nullptr) {
        published.cut_offs = std::make_shared<CutOffs>();
    }
    if (settings.lockout_shield.count() == 0) {
        published.shield = nullptr;
    } else if (published.shield == nullptr) {
        published.shield = std::make_shared<LockoutShield>(settings.lockout_shield);
    } else {
        published.shield->change(settings.lockout_shield);
    }
    if (settings.bind == config::Bind::none) {
        if (published.bindings != nullptr) {
            published.bindings->stop();
        }
        published.bindings = nullptr;
    } else if (published.bindings == nullptr) {
        published.bindings = std::make_shared<Bindings>(
            Bindings::Files{.path = device::bindings_path(config.mdm.state_file, settings.name),
                            .instance = settings.name},
            *log_);
    } else {
        published.bindings->load_again();
    }
    published.instance = std::move(instance);
    const auto identity =
        certs::load_pem(settings.identity_certificate_file, settings.identity_private_key_file);
    if (identity) {
        published.identity_days_left = certs::days_left(identity->leaf.get());
    }
    return published;
}

void Gate::publish(const Loaded& loaded, std::vector<Bound> bound) {
    std::map<std::string, Published> fresh;
    for (const auto& instance : loaded.instances) {
        fresh.emplace(instance->settings().name, make_published(loaded.config, instance));
    }
    const auto& limits = loaded.config.limits;
    limit_.addresses.set_most(limits.address_connections);
    const bool counts =
        limits.address_requests != 0 || limits.device_requests != 0 || limits.user_requests != 0;
    if (counts && rates_ == nullptr) {
        rates_ = std::make_shared<RateTable>();
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        std::vector<InstanceUpdate> updates;
        for (const auto& [name, published] : fresh) {
            InstanceUpdate update{.instance = published.instance,
                                  .new_listeners = {},
                                  .feed = published.feed,
                                  .trouble = published.trouble,
                                  .agents = published.agents,
                                  .traveler_devices = published.traveler_devices,
                                  .shield = published.shield,
                                  .rates = counts ? rates_ : nullptr,
                                  .cut_offs = published.cut_offs,
                                  .bindings = published.bindings};
            const auto& listen = published.instance->settings().listen;
            for (const auto& [address, fd] : bound[i]) {
                if (std::find(listen.begin(), listen.end(), address) != listen.end()) {
                    update.new_listeners.emplace_back(address, fd);
                }
            }
            updates.push_back(std::move(update));
        }
        workers_[i]->post_configuration(std::move(updates), loaded.config.log.access);
    }
    addresses_ = addresses_of(loaded);
    std::map<std::string, Published> gone;
    {
        const std::lock_guard lock(mutex_);
        gone.swap(published_);
        published_ = std::move(fresh);
        config_ = loaded.config;
        loaded_at_ = std::chrono::system_clock::now();
        last_reload_error_.clear();
    }
    for (auto& [name, published] : gone) {
        if (!published_.contains(name)) {
            published.feed->stop();
            if (published.bindings != nullptr) {
                published.bindings->stop();
            }
        }
    }
}

void Gate::reload() {
    auto loaded = load(config_.path, generation_ + 1);
    std::string problem;
    if (!loaded) {
        for (const auto& line : loaded.error().lines) {
            problem += problem.empty() ? "" : "\n";
            problem += line;
        }
    }
    std::expected<std::vector<Bound>, std::string> bound;
    if (problem.empty()) {
        bound = bind_new(*loaded);
        problem = bound ? "" : bound.error() + "; a new privileged port needs a restart";
    }
    if (!problem.empty()) {
        log_->event(Level::error, "reload", "the old configuration stays in force: {}", problem);
        const std::lock_guard lock(mutex_);
        last_reload_error_ = problem;
        return;
    }
    ++generation_;
    log_->change(log_settings(loaded->config));
    log_->reopen();
    for (const auto& warning : loaded->warnings) {
        log_->event(Level::warning, "config", "{}", warning);
    }
    apply_node_settings(loaded->config);
    warn_of_risks(loaded->config);
    publish(*loaded, std::move(*bound));
    log_->event(Level::info, "reload", "configuration {} is in force: {} instances", config_.path,
                loaded->instances.size());
}

void Gate::apply_node_settings(const config::Config& fresh) {
    limit_.most = fresh.node.max_connections;
    if (const auto limited = raise_descriptor_limit(); !limited) {
        log_->event(Level::warning, "config", "{}", limited.error());
    }
    const auto& old = config_.node;
    if (worker_count(fresh) != workers_.size() || fresh.node.admin != old.admin ||
        fresh.node.control != old.control || fresh.node.user != old.user ||
        fresh.mdm.state_file != config_.mdm.state_file) {
        log_->event(
            Level::warning, "reload",
            "node.workers, node.admin, node.control, node.user and mdm.state_file change with a "
            "restart only");
    }
}

log::Settings Gate::log_settings(const config::Config& config) const {
    return {.directory = config.log.directory,
            .file_name = "EASProxy.log",
            .node = config.node.name,
            .level = static_cast<Level>(config.log.level),
            .format = config.log.format == config::LogFormat::json ? log::Format::json
                                                                   : log::Format::text};
}

void Gate::warn_of_risks(const config::Config& config) {
    for (const auto& instance : config.instances) {
        if (instance.mode == config::Mode::observe) {
            log_->event(Level::warning, "observe",
                        "instance {} ONLY OBSERVES: ANY device, user and user agent gets through, "
                        "what would be refused is only logged",
                        instance.name);
        }
        if (instance.backend_allow_all_certificates) {
            log_->event(Level::warning, "upstream",
                        "instance {}: backend_allow_all_certificates is on: ANYBODY between this "
                        "node and {} "
                        "can read all mail and passwords",
                        instance.name, instance.activesync_server.to_string(443));
        }
    }
}

}  // namespace eg::gate
