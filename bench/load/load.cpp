// The load client of the bench: `load --port P --mode keep|reconnect|rate|hold ...`.
// Prints `ready` when it is warm and everything is quiet, waits for a line on standard input, does
// the measured part, and prints one line of JSON.

#include <cstdio>

#include <fmt/format.h>

#include "bench/load/arguments.h"
#include "bench/load/crowd.h"

namespace {

using namespace eg::bench;

CrowdSettings settings_from(const Arguments& arguments, std::string& command) {
    CrowdSettings settings;
    const std::string mode = arguments.text("--mode", "keep");
    using Mode = CrowdSettings::Mode;
    settings.mode = mode == "keep"        ? Mode::keep
                    : mode == "reconnect" ? Mode::reconnect
                    : mode == "rate"      ? Mode::rate
                    : mode == "hold"      ? Mode::hold
                                          : (fail("unknown mode"), Mode::keep);
    settings.port = static_cast<std::uint16_t>(arguments.number("--port"));
    settings.resume = arguments.number("--resume") != 0;
    settings.connections = arguments.number("--connections", 64);
    settings.first_device = arguments.number("--first-device");
    settings.devices = arguments.number("--devices", 10'000);
    settings.most = arguments.number("--requests");
    settings.per_second = arguments.number("--rate");
    settings.seconds = static_cast<double>(arguments.number("--milliseconds", 1000)) / 1000;
    settings.warm_seconds =
        static_cast<double>(arguments.number("--warm-milliseconds", 300)) / 1000;
    settings.expected_status = static_cast<int>(arguments.number("--status", 200));
    command = arguments.text("--command", settings.mode == Mode::hold ? "Ping" : "Sync");
    settings.request.command = command;
    settings.request.body_bytes = arguments.number("--body-bytes", 200);
    settings.request.answer_bytes = arguments.number("--answer-bytes", 400);
    return settings;
}

double percentile(const std::vector<std::uint32_t>& sorted, double share) {
    if (sorted.empty()) {
        return 0;
    }
    const auto last = static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(last * share)];
}

}  // namespace

int main(int count, char** values) {
    const Arguments arguments(
        count, values,
        {"--port", "--mode", "--resume", "--connections", "--first-device", "--devices",
         "--requests", "--rate", "--milliseconds", "--warm-milliseconds", "--status", "--command",
         "--body-bytes", "--answer-bytes", "--tls"});
    prepare_process();
    ContextPtr tls;
    const std::string version = arguments.text("--tls", "1.3");
    std::string command;
    const CrowdSettings settings = settings_from(arguments, command);
    if (version != "off") {
        tls = client_context(version);
        if (settings.resume) {
            SSL_CTX_set_session_cache_mode(
                tls.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
            SSL_CTX_sess_set_new_cb(tls.get(), Phone::on_ticket);
        }
    }
    Crowd crowd(settings, tls.get());
    crowd.warm_up();
    fmt::print("ready\n");
    std::fflush(stdout);
    if (std::getchar() == EOF) {
        return 1;
    }
    const CrowdResult result = crowd.go();
    fmt::print(
        "{{\"requests\": {}, \"wrong_status\": {}, \"lost\": {}, \"resumed\": {}, \"bytes_in\": "
        "{}, "
        "\"seconds\": {:.6f}, \"p50_us\": {}, \"p99_us\": {}, \"p999_us\": {}}}\n",
        result.requests, result.wrong_status, result.lost, result.resumed, result.bytes_in,
        result.seconds, percentile(result.latency_us, 0.5), percentile(result.latency_us, 0.99),
        percentile(result.latency_us, 0.999));
    std::fflush(stdout);
    // Without the way down: ten thousand connections need no farewell.
    std::_Exit(0);
}
