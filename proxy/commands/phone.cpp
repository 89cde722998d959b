#include "proxy/commands/phone.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/commands/phone_client.h"
#include "proxy/commands/phone_steps.h"

namespace eg::commands {
namespace {

constexpr std::array kAllSteps{PhoneStep::options, PhoneStep::provision, PhoneStep::foldersync,
                               PhoneStep::sync,    PhoneStep::ping,      PhoneStep::sendmail};
constexpr std::array<std::string_view, 5> kProtocols{"12.1", "14.0", "14.1", "16.0", "16.1"};
constexpr int kExitUsage = 64;

/// The steps asked for with those that they need before them, each once, in the order of a real
/// client.
std::vector<PhoneStep> with_needed(const std::vector<PhoneStep>& asked) {
    const auto wants = [&asked](PhoneStep step) {
        return std::ranges::find(asked, step) != asked.end();
    };
    const bool folders =
        wants(PhoneStep::foldersync) || wants(PhoneStep::sync) || wants(PhoneStep::ping);
    std::vector<PhoneStep> steps;
    for (const PhoneStep step : kAllSteps) {
        const bool needed =
            (step == PhoneStep::foldersync && folders) ||
            (step == PhoneStep::provision && (folders || wants(PhoneStep::sendmail)));
        if (wants(step) || needed) {
            steps.push_back(step);
        }
    }
    return steps;
}

/// What is wrong with the options, or "".
std::string usage_problem(const PhoneOptions& options) {
    const auto unprintable = [](std::string_view text) {
        return std::ranges::any_of(
            text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    };
    if (std::ranges::find(kProtocols, options.protocol) == kProtocols.end()) {
        return "--protocol must be one of 12.1, 14.0, 14.1, 16.0, 16.1";
    }
    if (options.device_id.empty() || options.device_id.size() > 255 ||
        options.device_type.empty() || options.device_type.size() > 255 ||
        options.user.size() > 255) {
        return "device id and device type need 1 to 255 characters, the user at most 255";
    }
    if (options.ping < std::chrono::seconds(1) || options.ping > std::chrono::seconds(3600)) {
        return "--ping must be 1 to 3600 seconds";
    }
    if (unprintable(options.user_agent) || unprintable(options.device_id) ||
        unprintable(options.device_type) || unprintable(options.user) ||
        unprintable(options.mail_to)) {
        return "control characters in an option";
    }
    return {};
}

}  // namespace

std::span<const PhoneStep> all_phone_steps() {
    return kAllSteps;
}

std::string_view to_string(PhoneStep step) {
    switch (step) {
        case PhoneStep::options:
            return "options";
        case PhoneStep::provision:
            return "provision";
        case PhoneStep::foldersync:
            return "foldersync";
        case PhoneStep::sync:
            return "sync";
        case PhoneStep::ping:
            return "ping";
        case PhoneStep::sendmail:
            return "sendmail";
    }
    return "";
}

std::optional<std::vector<PhoneStep>> parse_phone_steps(std::string_view list) {
    if (iequals(list, "all")) {
        return std::vector<PhoneStep>(kAllSteps.begin(), kAllSteps.end());
    }
    std::vector<PhoneStep> steps;
    while (true) {
        const std::string_view name = list.substr(0, list.find(','));
        const auto found = std::ranges::find_if(
            kAllSteps, [name](PhoneStep step) { return iequals(to_string(step), name); });
        if (found == kAllSteps.end() || std::ranges::find(steps, *found) != steps.end()) {
            return std::nullopt;
        }
        steps.push_back(*found);
        if (name.size() == list.size()) {
            return steps;
        }
        list.remove_prefix(name.size() + 1);
    }
}

int phone(const PhoneOptions& options) {
    if (const std::string problem = usage_problem(options); !problem.empty()) {
        fmt::print(stderr, "easgate phone: {}\n", problem);
        return kExitUsage;
    }
    Result<PhoneClient> client = PhoneClient::make(options);
    if (!client) {
        fmt::print(stderr, "easgate phone: {}\n", client.error().what);
        return kExitUsage;
    }
    SimulatedPhone simulated(options, *std::move(client));
    const std::vector<PhoneStep> steps =
        options.steps.empty() ? std::vector<PhoneStep>(kAllSteps.begin(), kAllSteps.end())
                              : with_needed(options.steps);
    for (const PhoneStep step : steps) {
        const MonotonicTime begin = std::chrono::steady_clock::now();
        const StepResult result = simulated.run(step);
        const auto took =
            std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
        const std::string status = simulated.last_status() == 0
                                       ? "no HTTP"
                                       : fmt::format("HTTP {}", simulated.last_status());
        fmt::print("{:<6} {:<10}  {:<8}  {}  [{} ms]\n", result.passed ? "ok" : "FAILED",
                   to_string(step), status, result.told, took.count());
        std::fflush(stdout);
        if (!result.passed) {
            return 1;
        }
    }
    return 0;
}

}  // namespace eg::commands
