#include "proxy/gate/metrics.h"

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proxy/gate/prometheus.h"
#include "proxy/gate/version.h"

using namespace eg;
using namespace std::chrono_literals;
using filters::Reason;

namespace {

/// A reader of the text format 0.0.4 that accepts nothing else.
struct Parsed {
    std::map<std::string, std::string> types;  // by family
    std::map<std::string, double> samples;     // by name with labels, as written
    std::vector<std::string> complaints;
};

std::string family_of(const Parsed& parsed, const std::string& name) {
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
        if (name.ends_with(suffix)) {
            const std::string base = name.substr(0, name.size() - suffix.size());
            const auto found = parsed.types.find(base);
            if (found != parsed.types.end() && found->second == "histogram") {
                return base;
            }
        }
    }
    return name;
}

bool is_name(std::string_view text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos &&
           !text.empty();
}

/// Takes `{a="b",c="d"}` from the start of `rest`; values may hold escapes.
bool take_labels(std::string_view& rest) {
    if (!rest.starts_with('{')) {
        return true;
    }
    do {
        rest.remove_prefix(1);
        const std::size_t equals = rest.find("=\"");
        if (equals == std::string_view::npos || !is_name(rest.substr(0, equals))) {
            return false;
        }
        rest.remove_prefix(equals + 2);
        while (!rest.empty() && rest[0] != '"') {
            rest.remove_prefix(rest[0] == '\\' && rest.size() > 1 ? 2 : 1);
        }
        if (rest.empty()) {
            return false;
        }
        rest.remove_prefix(1);
    } while (rest.starts_with(','));
    if (!rest.starts_with('}')) {
        return false;
    }
    rest.remove_prefix(1);
    return true;
}

void parse_sample(Parsed& parsed, const std::string& line) {
    const std::size_t end = line.find_first_of("{ ");
    const std::string name = line.substr(0, end);
    std::string_view rest = std::string_view(line).substr(end);
    if (!is_name(name) || !take_labels(rest) || !rest.starts_with(' ')) {
        parsed.complaints.push_back("malformed: " + line);
        return;
    }
    if (!parsed.types.contains(family_of(parsed, name))) {
        parsed.complaints.push_back("no TYPE before: " + line);
    }
    const std::string value(rest.substr(1));
    std::size_t used = 0;
    const double number = value == "+Inf" ? HUGE_VAL : std::stod(value, &used);
    if (value != "+Inf" && used != value.size()) {
        parsed.complaints.push_back("odd value: " + line);
    }
    const std::string series = line.substr(0, line.size() - rest.size());
    if (!parsed.samples.emplace(series, number).second) {
        parsed.complaints.push_back("twice: " + line);
    }
}

Parsed parse(const std::string& text) {
    Parsed parsed;
    std::istringstream stream(text);
    std::string helped;
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string hash;
        std::string kind;
        std::string name;
        std::string type;
        if (!line.starts_with('#')) {
            parse_sample(parsed, line);
            continue;
        }
        words >> hash >> kind >> name >> type;
        if (kind == "HELP") {
            helped = name;
        } else if (kind != "TYPE" || helped != name ||
                   !std::set<std::string>{"counter", "gauge", "histogram"}.contains(type) ||
                   !parsed.types.emplace(name, type).second) {
            parsed.complaints.push_back("odd head: " + line);
        }
    }
    return parsed;
}

std::string read_page(const std::string& name) {
    std::ifstream stream(std::string(EASGATE_TESTS_DIR) + "/../docs/" + name);
    REQUIRE(stream.good());
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

gate::NodeStatus status() {
    gate::NodeStatus status;
    status.name = "node-1";
    status.version = gate::kVersion;
    status.ready = true;
    status.workers = 2;
    gate::InstanceStatus instance;
    instance.name = "mail";
    instance.ready = true;
    instance.feed.has_states = true;
    instance.feed.age = 1500ms;
    instance.feed.attempts_ok = 7;
    instance.devices = {.allow = 3, .deny = 2, .non_compliant = 1, .wipe = 0};
    instance.certificate_days_left = 30;
    status.instances = {instance};
    return status;
}

Parsed page(const gate::Metrics& metrics, const gate::NodeStatus& of = status()) {
    const log::Counts counts;
    return parse(gate::render_prometheus(of, metrics, counts));
}

}  // namespace

TEST_CASE("counters of all workers are summed, each instance by itself") {
    gate::Metrics metrics;
    metrics.of(0, "mail").count_request(true, Reason::none);
    metrics.of(1, "mail").count_request(true, Reason::none);
    metrics.of(1, "mail").count_request(false, Reason::device_denied);
    metrics.of(1, "other").count_request(false, Reason::path);
    metrics.of(0, "mail").held.add();
    metrics.of(1, "mail").held.add(2);
    metrics.of(1, "mail").held.subtract();
    metrics.of_worker(0).accept_pauses.add();
    metrics.of_worker(1).accept_pauses.add();

    const gate::InstanceTotals mail = metrics.totals("mail");
    CHECK(mail.allowed[static_cast<std::size_t>(Reason::none)] == 2);
    CHECK(mail.refused[static_cast<std::size_t>(Reason::device_denied)] == 1);
    CHECK(mail.refused[static_cast<std::size_t>(Reason::path)] == 0);
    CHECK(mail.held == 2);
    CHECK(metrics.totals("nobody").held == 0);
    CHECK(metrics.totals().size() == 2);
    CHECK(metrics.worker_totals().accept_pauses == 2);
}

TEST_CASE("the counters of an instance stay where they are") {
    gate::Metrics metrics;
    gate::InstanceMetrics& first = metrics.of(0, "mail");
    for (std::size_t worker = 0; worker < 64; ++worker) {
        (void)metrics.of(worker, "mail" + std::to_string(worker));
    }
    CHECK(&metrics.of(0, "mail") == &first);
    CHECK(reinterpret_cast<std::uintptr_t>(&first) % 64 == 0);
}

TEST_CASE("a histogram counts up to and including its bounds") {
    gate::Histogram histogram;
    histogram.record(-1us);
    histogram.record(0us);
    histogram.record(1000us);
    histogram.record(1001us);
    histogram.record(60s);
    histogram.record(3600s);
    CHECK(histogram.bucket(0) == 3);
    CHECK(histogram.bucket(1) == 1);
    CHECK(histogram.bucket(gate::Histogram::kBounds.size() - 1) == 1);
    CHECK(histogram.bucket(gate::Histogram::kBounds.size()) == 1);
    CHECK(histogram.sum_us() == 3'660'002'001);
}

TEST_CASE("the page is well-formed text of Prometheus, with our names only") {
    gate::Metrics metrics;
    metrics.of(0, "mail").request_time.record(3ms);
    metrics.of(0, "mail").count_handshake(gate::Handshake::resumed);
    const Parsed parsed = page(metrics);
    CHECK(parsed.complaints == std::vector<std::string>{});
    for (const auto& [name, type] : parsed.types) {
        CHECK(name.starts_with("easgate_"));
        CHECK((type == "counter") == name.ends_with("_total"));
    }
    for (const std::string_view name :
         {"easgate_requests_total", "easgate_client_connections", "easgate_backend_connections",
          "easgate_held_connections", "easgate_tls_handshakes_total",
          "easgate_client_received_bytes_total", "easgate_client_sent_bytes_total",
          "easgate_request_duration_seconds", "easgate_backend_duration_seconds",
          "easgate_device_states_age_seconds", "easgate_devices", "easgate_sync_attempts_total",
          "easgate_log_lines_lost_total", "easgate_log_write_errors_total",
          "easgate_accept_pauses_total", "easgate_build_info"}) {
        CAPTURE(name);
        CHECK(parsed.types.contains(std::string(name)));
    }
}

TEST_CASE("samples have their values") {
    gate::Metrics metrics;
    metrics.of(0, "mail").count_request(true, Reason::none);
    metrics.of(0, "mail").count_request(true, Reason::upstream_silent);
    metrics.of(0, "mail").count_request(false, Reason::user_agent);
    metrics.of(0, "mail").request_time.record(3ms);
    metrics.of(0, "mail").request_time.record(100s);
    auto samples = page(metrics).samples;
    const std::string mail = R"({instance="mail",)";
    CHECK(samples["easgate_requests_total" + mail + R"(verdict="allow",reason="none"})"] == 1);
    CHECK(
        samples["easgate_requests_total" + mail + R"(verdict="allow",reason="upstream_silent"})"] ==
        1);
    CHECK(samples["easgate_requests_total" + mail + R"(verdict="refuse",reason="user_agent"})"] ==
          1);
    // A series that never rose is there too, so that its first rise is seen.
    CHECK(samples.contains("easgate_requests_total" + mail +
                           R"(verdict="refuse",reason="device_denied"})"));
    const std::string bucket = "easgate_request_duration_seconds_bucket" + mail;
    CHECK(samples[bucket + R"(le="0.002"})"] == 0);
    CHECK(samples[bucket + R"(le="0.005"})"] == 1);
    CHECK(samples[bucket + R"(le="60"})"] == 1);
    CHECK(samples[bucket + R"(le="+Inf"})"] == 2);
    CHECK(samples[R"(easgate_request_duration_seconds_count{instance="mail"})"] == 2);
    CHECK(samples[R"(easgate_request_duration_seconds_sum{instance="mail"})"] ==
          doctest::Approx(100.003));
    CHECK(samples[R"(easgate_device_states_age_seconds{instance="mail"})"] == 1.5);
    CHECK(samples["easgate_devices" + mail + R"(state="allow"})"] == 3);
    CHECK(samples["easgate_sync_attempts_total" + mail + R"(result="ok"})"] == 7);
    CHECK(samples["easgate_ready"] == 1);
}

TEST_CASE("without states their age is infinite, so that an alert on it fires") {
    gate::NodeStatus none = status();
    none.instances[0].feed.has_states = false;
    auto samples = page(gate::Metrics(), none).samples;
    CHECK(samples[R"(easgate_device_states_age_seconds{instance="mail"})"] == HUGE_VAL);
}

TEST_CASE("a label value can't break out of its quotes") {
    gate::Metrics metrics;
    (void)metrics.of(0, "a\"} 1\n\\");
    CHECK(page(metrics).complaints == std::vector<std::string>{});
}

TEST_CASE("the pages for administrators name every metric and every reason") {
    const std::string metrics_page = read_page("metrics.md");
    for (const auto& [name, type] : page(gate::Metrics()).types) {
        CHECK_MESSAGE(metrics_page.find("| `" + name + "` | " + type + " |") != std::string::npos,
                      name);
    }
    const std::string logs_page = read_page("logs.md");
    for (std::size_t i = 0; i < gate::kReasons; ++i) {
        const std::string word(filters::to_string(static_cast<Reason>(i)));
        CHECK_MESSAGE(logs_page.find("| `" + word + "` |") != std::string::npos, word);
    }
}

TEST_CASE("the version is the one of the build") {
    CHECK(gate::kVersion == EASGATE_PROJECT_VERSION);
}
