#include "proxy/gate/prometheus.h"

#include <initializer_list>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/verdict.h"

namespace eg::gate {
namespace {

using Label = std::pair<std::string_view, std::string_view>;

/// Writes families one after the other: a head, then its samples.
class Page {
  public:
    explicit Page(std::string& out) : out_(out) {}

    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                       type);
    }
    template <typename Value>
    void sample(std::initializer_list<Label> labels, Value value, std::string_view suffix = "") {
        out_.append(name_).append(suffix);
        char separator = '{';
        for (const auto& [key, text] : labels) {
            out_.push_back(separator);
            out_.append(key).append("=\"");
            append_label_value(text);
            out_.push_back('"');
            separator = ',';
        }
        if (labels.size() > 0) {
            out_.push_back('}');
        }
        if constexpr (std::is_floating_point_v<Value>) {
            if (value == std::numeric_limits<Value>::infinity()) {
                out_.append(" +Inf\n");
                return;
            }
        }
        fmt::format_to(std::back_inserter(out_), " {}\n", value);
    }

  private:
    void append_label_value(std::string_view text) {
        for (const char c : text) {
            if (c == '\\' || c == '"') {
                out_.push_back('\\');
                out_.push_back(c);
            } else if (c == '\n') {
                out_.append("\\n");
            } else {
                out_.push_back(c);
            }
        }
    }
    std::string& out_;
    std::string_view name_;
};

using Totals = std::vector<InstanceTotals>;

double seconds(Milliseconds duration) {
    return static_cast<double>(duration.count()) / 1e3;
}

double unix_seconds(WallTime time) {
    return seconds(std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()));
}

int flag(bool value) {
    return value ? 1 : 0;
}

/// One family with a sample for each instance that ever was.
template <typename Member>
void per_instance(Page& page, const Totals& totals, Member member) {
    for (const InstanceTotals& one : totals) {
        page.sample({{"instance", one.instance}}, one.*member);
    }
}

void write_requests(Page& page, const Totals& totals) {
    page.family("easgate_requests_total", "counter",
                "Finished requests by verdict and reason (docs/logs.md has the reasons).");
    for (const InstanceTotals& one : totals) {
        for (std::size_t i = 0; i < kReasons; ++i) {
            const auto reason = static_cast<filters::Reason>(i);
            const std::string_view word = filters::to_string(reason);
            const bool none = reason == filters::Reason::none;
            if (none || one.allowed[i] > 0) {
                page.sample({{"instance", one.instance}, {"verdict", "allow"}, {"reason", word}},
                            one.allowed[i]);
            }
            if (!none || one.refused[i] > 0) {
                page.sample({{"instance", one.instance}, {"verdict", "refuse"}, {"reason", word}},
                            one.refused[i]);
            }
        }
    }
}

void write_traveler(Page& page, const Totals& totals) {
    page.family("easgate_traveler_unidentified_total", "counter",
                "Traveler requests that name no device, by what became of them.");
    for (const InstanceTotals& one : totals) {
        page.sample({{"instance", one.instance}, {"action", "forward"}}, one.traveler_forwarded);
        page.sample({{"instance", one.instance}, {"action", "refuse"}}, one.traveler_refused);
    }
}

void write_spool(Page& page, const Totals& totals) {
    page.family("easgate_spooled_bodies_total", "counter",
                "Request bodies of unknown length that were kept until it was known.");
    for (const InstanceTotals& one : totals) {
        page.sample({{"instance", one.instance}, {"in", "memory"}},
                    one.spooled - std::min(one.spooled, one.spooled_files));
        page.sample({{"instance", one.instance}, {"in", "file"}}, one.spooled_files);
    }
}

void write_autodiscover(Page& page, const Totals& totals) {
    page.family("easgate_autodiscover_requests_total", "counter",
                "Permitted Autodiscover requests, by who answers them.");
    for (const InstanceTotals& one : totals) {
        page.sample({{"instance", one.instance}, {"action", "answer"}}, one.autodiscover_answered);
        page.sample({{"instance", one.instance}, {"action", "forward"}},
                    one.autodiscover_forwarded);
    }
}

void write_connections(Page& page, const Totals& totals) {
    page.family("easgate_client_connections", "gauge", "Open connections of clients.");
    per_instance(page, totals, &InstanceTotals::client_connections);
    page.family("easgate_backend_connections", "gauge",
                "Connections to the mail server that are open, idle ones included, or being made.");
    per_instance(page, totals, &InstanceTotals::upstream_connections);
    page.family("easgate_held_connections", "gauge",
                "Client connections whose request waits for a late answer (Ping, waiting Sync).");
    per_instance(page, totals, &InstanceTotals::held);
    page.family("easgate_held_ended_total", "counter",
                "Held requests ended because the state of their device changed.");
    per_instance(page, totals, &InstanceTotals::held_ended_by_change);
    page.family("easgate_held_overlaps_total", "counter",
                "Held requests of a device that another one of it, from another network or with "
                "another client key, overlapped.");
    per_instance(page, totals, &InstanceTotals::held_overlaps);
    page.family("easgate_connections_accepted_total", "counter", "Connections accepted.");
    per_instance(page, totals, &InstanceTotals::connections_accepted);
    page.family("easgate_tls_handshakes_total", "counter", "TLS handshakes with clients.");
    for (const InstanceTotals& one : totals) {
        for (std::size_t i = 0; i < kHandshakes; ++i) {
            page.sample(
                {{"instance", one.instance}, {"result", to_string(static_cast<Handshake>(i))}},
                one.handshakes[i]);
        }
    }
}

void write_upstream(Page& page, const Totals& totals) {
    page.family("easgate_backend_connects_total", "counter",
                "New connections to the mail server, by result.");
    for (const InstanceTotals& one : totals) {
        page.sample({{"instance", one.instance}, {"result", "ok"}}, one.upstream_connects);
        page.sample({{"instance", one.instance}, {"result", "failed"}},
                    one.upstream_connect_failures);
    }
    page.family("easgate_backend_reuses_total", "counter",
                "Requests sent on a connection that was open already.");
    per_instance(page, totals, &InstanceTotals::upstream_reuses);
    page.family("easgate_backend_retries_total", "counter",
                "Requests sent again because a reused connection turned out to be closed.");
    per_instance(page, totals, &InstanceTotals::upstream_retries);
}

void write_bytes(Page& page, const Totals& totals) {
    page.family("easgate_client_received_bytes_total", "counter", "Bytes of requests.");
    per_instance(page, totals, &InstanceTotals::client_bytes_in);
    page.family("easgate_client_sent_bytes_total", "counter", "Bytes of answers.");
    per_instance(page, totals, &InstanceTotals::client_bytes_out);
    page.family("easgate_backend_received_bytes_total", "counter",
                "Bytes that the mail server sent.");
    per_instance(page, totals, &InstanceTotals::upstream_bytes_in);
    page.family("easgate_backend_sent_bytes_total", "counter", "Bytes sent to the mail server.");
    per_instance(page, totals, &InstanceTotals::upstream_bytes_out);
}

void write_times(Page& page, const Totals& totals, InstanceTotals::Times InstanceTotals::* member) {
    for (const InstanceTotals& one : totals) {
        const InstanceTotals::Times& times = one.*member;
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < times.buckets.size(); ++i) {
            below += times.buckets[i];
            const std::string bound = i < Histogram::kBounds.size()
                                          ? fmt::format("{:g}", seconds(Histogram::kBounds[i]))
                                          : "+Inf";
            page.sample({{"instance", one.instance}, {"le", bound}}, below, "_bucket");
        }
        page.sample({{"instance", one.instance}}, static_cast<double>(times.sum_us) / 1e6, "_sum");
        page.sample({{"instance", one.instance}}, below, "_count");
    }
}

void write_states(Page& page, const NodeStatus& status) {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    page.family("easgate_device_states_age_seconds", "gauge",
                "Time since the last contact with the MDM server; +Inf if there are no states.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}}, one.feed.has_states ? seconds(one.feed.age) : kNever);
    }
    page.family("easgate_devices", "gauge", "Devices by the state that is in force.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}, {"state", "allow"}}, one.devices.allow);
        page.sample({{"instance", one.name}, {"state", "deny"}}, one.devices.deny);
        page.sample({{"instance", one.name}, {"state", "non_compliant"}},
                    one.devices.non_compliant);
        page.sample({{"instance", one.name}, {"state", "wipe"}}, one.devices.wipe);
    }
    page.family("easgate_sync_attempts_total", "counter",
                "Requests for device states to the MDM server, by result.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}, {"result", "ok"}}, one.feed.attempts_ok);
        page.sample({{"instance", one.name}, {"result", "failed"}}, one.feed.attempts_failed);
    }
    page.family("easgate_full_syncs_total", "counter",
                "Times that all device states were fetched.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}}, one.feed.full_syncs);
    }
    page.family("easgate_observations_total", "counter",
                "Sightings of devices for the MDM server, by what became of them.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}, {"result", "sent"}}, one.feed.observations_sent);
        page.sample({{"instance", one.name}, {"result", "dropped"}}, one.feed.observations_dropped);
    }
}

void write_readiness(Page& page, const NodeStatus& status) {
    page.family("easgate_instance_ready", "gauge", "1 if the instance takes traffic.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}}, flag(one.ready));
    }
    page.family("easgate_instance_observes", "gauge",
                "1 if the instance only observes (mode: observe): verdict allow with a reason of a "
                "filter is what enforcing would refuse.");
    for (const InstanceStatus& one : status.instances) {
        page.sample({{"instance", one.name}}, flag(one.observes));
    }
    page.family("easgate_certificate_days_left", "gauge",
                "Whole days until a certificate ends: server (shown to phones), identity (shown to "
                "the MDM server).");
    for (const InstanceStatus& one : status.instances) {
        if (one.certificate_days_left) {
            page.sample({{"instance", one.name}, {"certificate", "server"}},
                        *one.certificate_days_left);
        }
        if (one.identity_days_left) {
            page.sample({{"instance", one.name}, {"certificate", "identity"}},
                        *one.identity_days_left);
        }
    }
}

void write_shield(Page& page, const NodeStatus& status) {
    page.family("easgate_lockout_shield_entries", "gauge",
                "Credentials that are answered with 401 without asking the mail server.");
    for (const InstanceStatus& one : status.instances) {
        if (one.lockout_entries) {
            page.sample({{"instance", one.name}}, *one.lockout_entries);
        }
    }
}

void write_bindings(Page& page, const NodeStatus& status) {
    page.family("easgate_device_bindings", "gauge", "Devices that are bound to a user or a key.");
    for (const InstanceStatus& one : status.instances) {
        if (one.bindings) {
            page.sample({{"instance", one.name}}, *one.bindings);
        }
    }
    page.family("easgate_device_bindings_damaged", "gauge",
                "1 while the bindings can't be relied on, and open devices are refused.");
    for (const InstanceStatus& one : status.instances) {
        if (one.bindings) {
            page.sample({{"instance", one.name}}, one.bindings_damaged ? 1 : 0);
        }
    }
}

void write_log(Page& page, const log::Counts& counts) {
    page.family("easgate_log_lines_total", "counter", "Log lines written.");
    page.sample({}, counts.lines.load(std::memory_order_relaxed));
    page.family("easgate_log_lines_lost_total", "counter",
                "Log lines lost: the disk refused them or couldn't keep up.");
    page.sample({}, counts.lost.load(std::memory_order_relaxed));
    page.family("easgate_log_write_errors_total", "counter",
                "Failed attempts to open or write the log file.");
    page.sample({}, counts.write_errors.load(std::memory_order_relaxed));
    page.family("easgate_log_events_omitted_total", "counter",
                "Events left out because their kind repeated itself too fast.");
    page.sample({}, counts.omitted.load(std::memory_order_relaxed));
}

void write_node(Page& page, const NodeStatus& status, const WorkerTotals& workers) {
    page.family("easgate_build_info", "gauge", "Always 1; the version is in the label.");
    page.sample({{"version", status.version}}, 1);
    page.family("easgate_uptime_seconds", "gauge", "Time since the process started.");
    page.sample({}, seconds(status.uptime));
    page.family("easgate_ready", "gauge", "1 if the node takes traffic at all instances.");
    page.sample({}, flag(status.ready));
    page.family("easgate_draining", "gauge", "1 while the node finishes what it has and stops.");
    page.sample({}, flag(status.draining));
    page.family("easgate_workers", "gauge", "Event loops.");
    page.sample({}, status.workers);
    page.family("easgate_max_connections", "gauge", "Client connections that the node takes.");
    page.sample({}, status.max_connections);
    page.family("easgate_config_loaded_timestamp_seconds", "gauge",
                "When the configuration in force was read.");
    page.sample({}, unix_seconds(status.config_loaded));
    page.family("easgate_config_last_reload_successful", "gauge",
                "0 if the last reload failed and the old configuration stays in force.");
    page.sample({}, flag(status.last_reload_error.empty()));
    page.family("easgate_accept_pauses_total", "counter",
                "Times that accepting paused for want of descriptors or room.");
    page.sample({}, workers.accept_pauses);
    page.family("easgate_connections_refused_total", "counter",
                "Connections closed at once: their address is far above its limit.");
    page.sample({}, workers.connections_refused);
}

}  // namespace

std::string render_prometheus(const NodeStatus& status, const Metrics& metrics,
                              const log::Counts& log_counts) {
    std::string out;
    Page page(out);
    const Totals totals = metrics.totals();
    write_node(page, status, metrics.worker_totals());
    write_readiness(page, status);
    write_requests(page, totals);
    write_traveler(page, totals);
    write_autodiscover(page, totals);
    write_spool(page, totals);
    write_connections(page, totals);
    write_upstream(page, totals);
    write_bytes(page, totals);
    page.family("easgate_request_duration_seconds", "histogram",
                "First byte of a request to last byte of its answer, held requests too.");
    write_times(page, totals, &InstanceTotals::request_time);
    page.family("easgate_backend_duration_seconds", "histogram",
                "End of the request sent to the mail server to the head of its answer.");
    write_times(page, totals, &InstanceTotals::upstream_time);
    write_states(page, status);
    write_shield(page, status);
    write_bindings(page, status);
    write_log(page, log_counts);
    return out;
}

}  // namespace eg::gate
