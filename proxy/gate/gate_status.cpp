// What a running node says of itself.
#include <unistd.h>

#include <fmt/format.h>

#include "proxy/gate/gate.h"
#include "proxy/gate/version.h"

namespace eg::gate {

namespace {

std::int64_t steady_now_ms() {
    return std::chrono::duration_cast<Milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

InstanceStatus Gate::status_of(const std::string& name, const Published& published) const {
    const auto& settings = published.instance->settings();
    const InstanceTotals totals = metrics_.totals(name);
    InstanceStatus out;
    out.name = name;
    for (const auto& address : settings.listen) {
        out.listen.push_back(address.to_string());
    }
    out.cut_offs = published.cut_offs;
    out.observes = settings.mode == config::Mode::observe;
    out.upstream = settings.activesync_server.to_string(0);
    out.feed = published.feed->status();
    const std::int64_t expires = published.feed->contact()->expires_at_ms();
    const auto table = published.feed->table();
    if (table == nullptr || expires == 0) {
        out.reason =
            "no device states yet: all mail is blocked until the MDM server has been reached";
    } else {
        out.states_expire_in = Milliseconds(expires - steady_now_ms());
        out.ready = out.states_expire_in->count() > 0;
        out.reason = out.ready ? "" : "the device states are too old: all mail is blocked";
        out.devices = {.allow = table->count(device::State::allow),
                       .deny = table->count(device::State::deny),
                       .non_compliant = table->count(device::State::non_compliant),
                       .wipe = table->count(device::State::wipe)};
    }
    out.client_connections = totals.client_connections;
    out.upstream_connections = totals.upstream_connections;
    out.held = totals.held;
    out.last_upstream_error = published.trouble->get();
    if (published.shield != nullptr) {
        out.lockout_entries = published.shield->size(steady_now_ms());
    }
    if (published.bindings != nullptr) {
        out.bindings = published.bindings->size();
        out.bindings_damaged = published.bindings->damaged();
    }
    out.certificate_days_left = published.instance->certificate_days_left();
    out.identity_days_left = published.identity_days_left;
    return out;
}

NodeStatus Gate::status() const {
    const std::lock_guard lock(mutex_);
    NodeStatus out;
    out.name = config_.node.name;
    out.version = kVersion;
    out.pid = ::getpid();
    out.uptime =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began_);
    out.draining = draining_;
    out.config_path = config_.path;
    out.config_loaded = loaded_at_;
    out.last_reload_error = last_reload_error_;
    out.workers = static_cast<unsigned>(workers_.size());
    out.max_connections = limit_.most;
    out.ready = started_ && !draining_;
    out.reason = !started_ ? "starting" : draining_ ? "draining" : "";
    for (const auto& [name, published] : published_) {
        out.instances.push_back(status_of(name, published));
        const auto& instance = out.instances.back();
        if (!instance.ready && out.ready) {
            out.ready = false;
            out.reason = fmt::format("instance {}: {}", name, instance.reason);
        }
    }
    return out;
}

std::vector<InstanceShield> Gate::shields() const {
    const std::lock_guard lock(mutex_);
    std::vector<InstanceShield> all;
    for (const auto& [name, published] : published_) {
        all.push_back({name, published.shield});
    }
    return all;
}

std::vector<InstanceBindings> Gate::bindings() const {
    const std::lock_guard lock(mutex_);
    std::vector<InstanceBindings> all;
    for (const auto& [name, published] : published_) {
        all.push_back({name, published.bindings});
    }
    return all;
}

std::shared_ptr<const device::DeviceTable> Gate::table(std::string_view instance) const {
    const std::lock_guard lock(mutex_);
    const auto found = published_.find(std::string(instance));
    return found == published_.end() ? nullptr : found->second.feed->table();
}

}  // namespace eg::gate
