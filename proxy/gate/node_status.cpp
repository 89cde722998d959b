#include "proxy/gate/node_status.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>

#include <fmt/format.h>

#include "proxy/base/json.h"
#include "proxy/log/escape.h"
#include "proxy/log/stamp.h"

namespace eg::gate {
namespace {

void set(json_t* object, const char* key, Json value) {
    json_object_set_new(object, key, value.release());
}

void set_text(json_t* object, const char* key, std::string_view text) {
    Json value(json_stringn(text.data(), text.size()));
    if (value == nullptr) {  // not UTF-8: a message of a library, in the locale of who knows where
        std::string escaped;
        log::append_rest(escaped, text);
        value.reset(json_stringn(escaped.data(), escaped.size()));
    }
    set(object, key, std::move(value));
}

void set_number(json_t* object, const char* key, std::int64_t number) {
    set(object, key, Json(json_integer(number)));
}

void set_count(json_t* object, const char* key, std::uint64_t number) {
    set_number(object, key, static_cast<std::int64_t>(number));
}

void set_flag(json_t* object, const char* key, bool value) {
    set(object, key, Json(json_boolean(value)));
}

/// Seconds with milliseconds, or null.
void set_seconds(json_t* object, const char* key, std::optional<Milliseconds> duration) {
    set(object, key,
        Json(duration ? json_real(static_cast<double>(duration->count()) / 1e3) : json_null()));
}

void set_days(json_t* object, const char* key, std::optional<int> days) {
    set(object, key, Json(days ? json_integer(*days) : json_null()));
}

std::string stamp(WallTime when) {
    std::string text;
    log::append_stamp(text, when);
    return text;
}

std::optional<Milliseconds> states_age(const InstanceStatus& instance) {
    return instance.feed.has_states ? std::optional(instance.feed.age) : std::nullopt;
}

Json instance_json(const InstanceStatus& instance) {
    Json object(json_object());
    json_t* out = object.get();
    set_text(out, "name", instance.name);
    set_flag(out, "ready", instance.ready);
    set_text(out, "reason", instance.reason);
    Json listen(json_array());
    for (const std::string& address : instance.listen) {
        json_array_append_new(listen.get(), json_stringn(address.data(), address.size()));
    }
    set(out, "listen", std::move(listen));
    set_text(out, "mode", instance.observes ? "observe" : "enforce");
    set_text(out, "activesync_server", instance.upstream);
    set_text(out, "last_backend_error", instance.last_upstream_error);
    set_number(out, "client_connections", instance.client_connections);
    set_number(out, "backend_connections", instance.upstream_connections);
    set_number(out, "held_connections", instance.held);
    set(out, "lockout_entries",
        Json(instance.lockout_entries
                 ? json_integer(static_cast<json_int_t>(*instance.lockout_entries))
                 : json_null()));
    set_seconds(out, "states_age_s", states_age(instance));
    set_seconds(out, "states_expire_in_s", instance.states_expire_in);

    Json devices(json_object());
    set_count(devices.get(), "allow", instance.devices.allow);
    set_count(devices.get(), "deny", instance.devices.deny);
    set_count(devices.get(), "non_compliant", instance.devices.non_compliant);
    set_count(devices.get(), "wipe", instance.devices.wipe);
    set(out, "devices", std::move(devices));

    Json mdm(json_object());
    set_text(mdm.get(), "server", instance.feed.server);
    set_text(mdm.get(), "last_error", instance.feed.last_error);
    set_count(mdm.get(), "attempts_ok", instance.feed.attempts_ok);
    set_count(mdm.get(), "attempts_failed", instance.feed.attempts_failed);
    set_count(mdm.get(), "full_syncs", instance.feed.full_syncs);
    set_count(mdm.get(), "observations_sent", instance.feed.observations_sent);
    set_count(mdm.get(), "observations_dropped", instance.feed.observations_dropped);
    set(out, "mdm", std::move(mdm));

    set_days(out, "certificate_days_left", instance.certificate_days_left);
    set_days(out, "identity_days_left", instance.identity_days_left);
    return object;
}

/// The two largest units: `3d 4h`, `23h 59m`, `14s`. People don't want more.
std::string for_people(Milliseconds duration) {
    struct Unit {
        std::int64_t seconds;
        char letter;
    };
    constexpr std::array<Unit, 4> kUnits = {{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
    const std::int64_t seconds = std::abs(duration.count()) / 1000;
    for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
        if (seconds >= kUnits[i].seconds) {
            const std::int64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
            return fmt::format("{}{} {}{}", seconds / kUnits[i].seconds, kUnits[i].letter, rest,
                               kUnits[i + 1].letter);
        }
    }
    return fmt::format("{}s", seconds);
}

std::string_view plural(std::int64_t number) {
    return number == 1 ? "" : "s";
}

/// Lines of a name and a text, the texts under each other.
class Sheet {
  public:
    void title(std::string_view name, bool ready, bool draining, std::string_view reason) {
        fmt::format_to(std::back_inserter(text_), "{}: {}", name,
                       draining ? "DRAINING"
                       : ready  ? "ready"
                                : "NOT READY");
        if (!reason.empty()) {
            text_.append(", ");
            log::append_rest(text_, reason);
        }
        text_.push_back('\n');
    }
    void line(std::string_view name, std::string_view text) {
        fmt::format_to(std::back_inserter(text_), "  {:<15}", name);
        log::append_rest(text_, text);
        text_.push_back('\n');
    }
    void gap() { text_.push_back('\n'); }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

std::string describe_states(const InstanceStatus& instance) {
    if (!instance.feed.has_states) {
        return "none yet, mail is blocked";
    }
    const std::string age = for_people(instance.feed.age);
    if (!instance.states_expire_in || instance.states_expire_in->count() <= 0) {
        return fmt::format("{} old, too old: mail is blocked until the MDM server answers", age);
    }
    return fmt::format("{} old, good for another {}", age, for_people(*instance.states_expire_in));
}

std::string describe_days(int days) {
    if (days < 0) {
        return fmt::format("ENDED {} day{} ago", -days, plural(-days));
    }
    return fmt::format("{} day{} left", days, plural(days));
}

std::string describe_certificates(const InstanceStatus& instance) {
    std::string text;
    if (instance.certificate_days_left) {
        text = "server " + describe_days(*instance.certificate_days_left);
    }
    if (instance.identity_days_left) {
        text += text.empty() ? "" : ", ";
        text += "identity " + describe_days(*instance.identity_days_left);
    }
    return text;
}

void write_instance(Sheet& sheet, const InstanceStatus& instance) {
    sheet.gap();
    sheet.title(instance.name, instance.ready, false, instance.reason);
    if (instance.observes) {
        sheet.line("mode",
                   "ONLY OBSERVES: any device, user and user agent gets through ('easgate preview' "
                   "lists whom enforcing would cut off)");
    }
    sheet.line("listens on", fmt::format("{}", fmt::join(instance.listen, ", ")));
    sheet.line("mail server", instance.upstream);
    if (!instance.last_upstream_error.empty()) {
        sheet.line("  last error", instance.last_upstream_error);
    }
    sheet.line("connections",
               fmt::format("{} client{}, {} to the mail server, {} held",
                           instance.client_connections, plural(instance.client_connections),
                           instance.upstream_connections, instance.held));
    if (instance.lockout_entries) {
        sheet.line("shield",
                   fmt::format("{} credential{} answered with 401 here", *instance.lockout_entries,
                               *instance.lockout_entries == 1 ? "" : "s"));
    }
    sheet.line("device states", describe_states(instance));
    const DeviceCounts& devices = instance.devices;
    sheet.line("devices",
               fmt::format("{} allowed, {} denied, {} non-compliant, {} to wipe", devices.allow,
                           devices.deny, devices.non_compliant, devices.wipe));
    sheet.line(
        "MDM server",
        fmt::format("{} ({} contact{}, {} failed)", instance.feed.server, instance.feed.attempts_ok,
                    plural(static_cast<std::int64_t>(instance.feed.attempts_ok)),
                    instance.feed.attempts_failed));
    if (!instance.feed.last_error.empty()) {
        sheet.line("  last error", instance.feed.last_error);
    }
    if (const std::string certificates = describe_certificates(instance); !certificates.empty()) {
        sheet.line("certificates", certificates);
    }
}

}  // namespace

std::string render_json(const NodeStatus& status) {
    Json object(json_object());
    json_t* out = object.get();
    set_text(out, "name", status.name);
    set_text(out, "version", status.version);
    set_number(out, "pid", status.pid);
    set_seconds(out, "uptime_s", status.uptime);
    set_flag(out, "ready", status.ready);
    set_text(out, "reason", status.reason);
    set_flag(out, "draining", status.draining);
    set_text(out, "config", status.config_path);
    set_text(out, "config_loaded", stamp(status.config_loaded));
    set_text(out, "last_reload_error", status.last_reload_error);
    set_number(out, "workers", status.workers);
    set_count(out, "max_connections", status.max_connections);
    Json instances(json_array());
    for (const InstanceStatus& instance : status.instances) {
        json_array_append_new(instances.get(), instance_json(instance).release());
    }
    set(out, "instances", std::move(instances));

    const std::unique_ptr<char, decltype(&std::free)> text(
        json_dumps(out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)), &std::free);
    return text == nullptr ? "{}\n" : std::string(text.get()) + "\n";
}

std::string render_text(const NodeStatus& status) {
    Sheet sheet;
    sheet.title(status.name, status.ready, status.draining, status.reason);
    sheet.line("easgate",
               fmt::format("{}, process {}, up {}, {} worker{}", status.version, status.pid,
                           for_people(status.uptime), status.workers, plural(status.workers)));
    sheet.line("configuration",
               fmt::format("{}, read {}", status.config_path, stamp(status.config_loaded)));
    if (!status.last_reload_error.empty()) {
        sheet.line("  last reload", "FAILED: " + status.last_reload_error);
    }
    for (const InstanceStatus& instance : status.instances) {
        write_instance(sheet, instance);
    }
    return sheet.take();
}

}  // namespace eg::gate
