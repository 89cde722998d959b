#include "proxy/commands/explain.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/look_up.h"
#include "filters/names.h"
#include "filters/status_answer.h"
#include "proxy/base/text.h"
#include "proxy/commands/certificate_names.h"
#include "proxy/commands/control.h"
#include "proxy/commands/explain_body.h"
#include "proxy/commands/request_text.h"
#include "proxy/config/read.h"
#include "proxy/device/binding.h"
#include "proxy/device/file.h"
#include "proxy/gate/feed_clock.h"
#include "proxy/http/framing.h"
#include "proxy/http/parse.h"
#include "proxy/log/escape.h"

namespace eg::commands {
namespace {

constexpr int kPermitted = 0;
constexpr int kRefused = 1;
constexpr int kNoConfig = 2;
constexpr int kUsage = 64;

void print_line(std::string_view name, std::string_view text) {
    std::string line = fmt::format("{:<10}", name);
    log::append_rest(line, text);
    fmt::print("{}\n", line);
}

std::expected<config::Config, int> read_config(const std::string& path) {
    Result<config::ReadResult> read = config::read_file(path);
    if (!read) {
        complain(fmt::format("can't read {}: {}", path, std::strerror(read.error().sys_errno)));
        return std::unexpected(kNoConfig);
    }
    if (config::has_errors(read->problems)) {
        for (const config::Problem& problem : read->problems) {
            if (problem.severity == config::Severity::error) {
                fmt::print(stderr, "{}\n", config::render(problem, read->source));
            }
        }
        return std::unexpected(kNoConfig);
    }
    return std::move(read->config);
}

std::expected<const config::Instance*, int> choose_instance(const config::Config& config,
                                                            const std::string& name) {
    if (name.empty() && config.instances.size() == 1) {
        return &config.instances.front();
    }
    std::vector<std::string> names;
    for (const config::Instance& instance : config.instances) {
        if (instance.name == name) {
            return &instance;
        }
        names.push_back(instance.name);
    }
    complain(
        name.empty()
            ? fmt::format("name one of the instances with --instance: {}", fmt::join(names, ", "))
            : fmt::format("no instance '{}'; there are: {}", name, fmt::join(names, ", ")));
    return std::unexpected(kUsage);
}

/// The states on disk, and whether they may be relied on at this moment.
struct States {
    std::optional<device::StoredStates> stored;
    filters::StateAge age = filters::StateAge::missing;
    std::string sentence;
};

States read_states(const config::Config& config, const config::Instance& instance) {
    States states;
    const std::string path = device::state_path(config.mdm.state_file, instance.name);
    auto read = device::read_states(config.mdm.state_file, instance.name);
    if (!read) {
        states.sentence = fmt::format("none: {}: {}", path, describe(read.error()));
        return states;
    }
    if (!*read) {
        states.sentence = fmt::format("none: there is no {}", path);
        return states;
    }
    states.stored = std::move(*read);
    const auto age = device::age(states.stored->contact, gate::read_clocks());
    if (!age) {
        states.sentence =
            fmt::format("{}: not believed, the last contact lies in the future", path);
    } else {
        const bool fresh = *age <= config.mdm.state_lifetime;
        states.age = fresh ? filters::StateAge::fresh : filters::StateAge::stale;
        states.sentence =
            fmt::format("{}: {} devices, {} s old{}", path, states.stored->table->size(),
                        age->count() / 1000, fresh ? "" : ", too old");
    }
    return states;
}

std::string describe_device(const filters::Judgement& judgement, const States& states) {
    const std::string id(judgement.eas.device_id.view());
    if (!judgement.eas.has_device_id) {
        return "not named";
    }
    if (!states.stored) {
        return id;
    }
    const auto record = states.stored->table->find(id);
    if (!record) {
        return id + ", not listed";
    }
    const std::string reason(record->reason());
    return fmt::format("{}, listed as {}{}, {}", id, device::to_string(record->state()),
                       reason.empty() ? "" : " (" + reason + ")",
                       record->any_user()
                           ? "for any user"
                           : fmt::format("for {}", fmt::join(record->users(), ", ")));
}

std::string_view or_dash(std::string_view text) {
    return text.empty() ? "-" : text;
}

void print_facts(const http::RequestHead& head, const filters::Judgement& judgement,
                 const States& states, const filters::Rules& rules) {
    print_line("request", fmt::format("{} {}", head.method_text, head.path));
    print_line("states", states.sentence);
    if (const auto service = filters::name_of(judgement.service); !service.empty()) {
        print_line("service", service);
    }
    if (judgement.service == filters::Service::autodiscover) {
        print_line("answer", rules.answers_autodiscover ? "by this gate" : "the mail server's");
    }
    if (judgement.service == filters::Service::traveler) {
        print_line("device", describe_device(judgement, states));
    }
    if (judgement.service == filters::Service::active_sync) {
        print_line(
            "command",
            fmt::format("{}, protocol {}", or_dash(filters::eas::name_of(judgement.eas.command)),
                        or_dash(filters::eas::version_text(judgement.eas.protocol_version))));
        print_line("device", describe_device(judgement, states));
    }
    print_line("user", or_dash(judgement.user()));
    print_line("agent", or_dash(judgement.user_agent));
    fmt::print("\n");
}

/// Where a refusal is no HTTP status but one of ActiveSync, the number.
void print_status(const http::RequestHead& head, const filters::Judgement& judgement) {
    const bool in_wbxml =
        head.method == http::Method::post && judgement.service == filters::Service::active_sync &&
        !filters::refusal_document(judgement.eas, judgement.verdict).view().empty();
    if (in_wbxml) {
        fmt::print("refusal_answer is activesync: it gets 200 and the status {} of ActiveSync\n",
                   filters::status_code(judgement.verdict.reason));
    }
}

int print_verdict(const filters::Explanation& explanation) {
    for (const filters::TraceLine& line : explanation.lines) {
        const bool fine = line.reason == filters::Reason::none;
        fmt::print("{:<7} {:<18} {}{}\n", fine ? "ok" : "REFUSE", line.filter, line.question,
                   fine ? "" : fmt::format(" [{}]", filters::to_string(line.reason)));
    }
    const filters::Judgement& judgement = explanation.judgement;
    if (judgement.verdict.allowed()) {
        if (judgement.verdict.observed != filters::Reason::none) {
            fmt::print(
                "\npermitted, since this instance only observes; enforcing would refuse: {}\n",
                filters::to_string(judgement.verdict.observed));
        } else {
            fmt::print("\npermitted\n");
        }
        return kPermitted;
    }
    const std::string_view detail = judgement.detail;
    fmt::print("\nrefused with {} by the filter '{}': {}{}\n", judgement.verdict.status,
               judgement.verdict.filter, filters::to_string(judgement.verdict.reason),
               detail.empty() ? "" : fmt::format(" ({})", detail));
    return kRefused;
}

/// What depends on the traffic before: it can't be told offline, only that it may come to that.
void print_what_may_come(const config::Config& config, const config::Instance& instance,
                         const filters::Judgement& judgement) {
    if (instance.lockout_shield.count() != 0 &&
        judgement.claims.credential == filters::Credential::basic) {
        fmt::print(
            "but 401 [lockout_shield] if the mail server refused the same password within {}\n",
            print_duration(instance.lockout_shield));
    }
    const auto print_limit = [](unsigned limit, std::string_view what, filters::Reason reason) {
        if (limit != 0) {
            fmt::print("but 429 [{}] if {} sends more than {} a minute\n",
                       filters::to_string(reason), what, limit);
        }
    };
    print_limit(config.limits.address_requests, "the address", filters::Reason::address_requests);
    if (judgement.eas.has_device_id) {
        print_limit(config.limits.device_requests, "the device", filters::Reason::device_requests);
    }
    if (!judgement.claims.names.empty()) {
        print_limit(config.limits.user_requests, "the user", filters::Reason::user_requests);
    }
}

/// What the engine refuses before any filter is asked.
int print_unreadable(const Error& error) {
    const auto reason = error.code == ErrorCode::too_large ? filters::Reason::header_too_large
                                                           : filters::Reason::malformed;
    const filters::Verdict verdict = filters::refuse(reason, "http");
    fmt::print("REFUSE  {:<18} Is it HTTP, and in one way only? [{}]\n", verdict.filter,
               filters::to_string(reason));
    fmt::print("\nrefused with {} by the filter '{}': {} ({})\n", verdict.status, verdict.filter,
               filters::to_string(reason), error.what);
    return kRefused;
}

/// What a client certificate says of the client.
struct Shown {
    std::vector<std::string> names;
    device::KeyHash key{};
};

/// The bindings on disk, which the running node wrote a second ago at most. Empty if there are
/// none.
device::FindBinding read_bindings(const config::Config& config, const config::Instance& instance) {
    if (instance.bind == config::Bind::none) {
        return {};
    }
    const std::string path = device::bindings_path(config.mdm.state_file, instance.name);
    auto loaded = device::load_bindings(path, instance.name);
    if (!loaded) {
        print_line("bindings", fmt::format("{}: {}", path, describe(loaded.error())));
        return [](std::string_view, device::Binding&) { return device::Bound::unknown; };
    }
    print_line("bindings", fmt::format("{}: {} devices", path, loaded->size()));
    return [bindings = std::move(*loaded)](std::string_view id, device::Binding& found) {
        const auto at =
            std::ranges::find(bindings, device::canonical_id(id), &device::StoredBinding::id);
        if (at == bindings.end()) {
            return device::Bound::no;
        }
        found = {.user = std::string_view(at->user), .key = at->key};
        return device::Bound::yes;
    };
}

int judge(const config::Config& config, const config::Instance& instance, const std::string& bytes,
          const std::optional<Shown>& shown) {
    http::RequestHead head;
    http::HeadScan scan;
    const http::HeadLimits limits{.bytes = config.limits.header_bytes.count,
                                  .count = config.limits.header_count};
    const Result<std::size_t> parsed = http::parse_request_head(bytes, limits, scan, head);
    if (!parsed) {
        return print_unreadable(parsed.error());
    }
    if (*parsed == 0) {
        return print_unreadable({.what = "the head has no end"});
    }
    if (const auto framing = http::request_framing(head); !framing) {
        return print_unreadable(framing.error());
    }
    States states = read_states(config, instance);
    const filters::Rules rules = filters::make_rules(config, instance);
    if (states.stored && rules.needs_users()) {
        states.stored->table = states.stored->table->with_users(filters::user_key);
    }
    const filters::Surroundings around{
        .rules = &rules,
        .devices = states.stored ? states.stored->table.get() : nullptr,
        .age = states.age,
        .connection_name = {},
        .certificate_names = shown ? &shown->names : nullptr,
        .client_key = shown ? &shown->key : nullptr,
        .find_binding = read_bindings(config, instance),
        .learned_user_agent = {}};
    filters::Explanation explanation = filters::explain_request(head, around);
    explain_body(head, std::string_view(bytes).substr(*parsed), rules, explanation);
    print_facts(head, explanation.judgement, states, rules);
    const int status = print_verdict(explanation);
    if (status == kPermitted) {
        print_what_may_come(config, instance, explanation.judgement);
    }
    if (instance.refusal_answer == config::RefusalAnswer::activesync) {
        print_status(head, explanation.judgement);
    }
    return status;
}

}  // namespace

int explain(const ExplainOptions& options) {
    const auto config = read_config(options.config);
    if (!config) {
        return config.error();
    }
    const auto instance = choose_instance(*config, options.instance);
    if (!instance) {
        return instance.error();
    }
    const auto bytes = request_text(options.request, options.headers);
    if (!bytes) {
        complain(bytes.error());
        return kUsage;
    }
    std::optional<Shown> shown;
    if (!options.client_certificate.empty()) {
        auto names = certificate_names(options.client_certificate);
        const auto key = certificate_key(options.client_certificate);
        if (!names || !key) {
            complain(names ? key.error() : names.error());
            return kUsage;
        }
        shown = Shown{.names = std::move(*names), .key = *key};
    }
    return judge(*config, **instance, *bytes, shown);
}

}  // namespace eg::commands
