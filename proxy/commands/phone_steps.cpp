#include "proxy/commands/phone_steps.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <span>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/commands/phone_documents.h"

namespace eg::commands {
namespace {

constexpr std::string_view kWbxmlType = "application/vnd.ms-sync.wbxml";
constexpr int kSyncRoundsMax = 40;  // 25 messages each

StepResult passed(std::string told) {
    return {true, std::move(told)};
}
StepResult failed(std::string told) {
    return {false, std::move(told)};
}

std::span<const WbxmlElement> children_of(const WbxmlElement* element) {
    return element == nullptr ? std::span<const WbxmlElement>{} : element->children;
}

/// `status 142: the device must provision first`.
std::string status_text(std::string_view status) {
    const std::string_view meaning = global_status_text(status);
    return fmt::format("ActiveSync status {}{}{}", printable(status), meaning.empty() ? "" : ": ",
                       meaning);
}

}  // namespace

std::string printable(std::string_view text) {
    constexpr std::size_t kLengthMax = 120;
    std::string out;
    const bool utf8 = is_utf8(text);
    for (const char c : text.substr(0, kLengthMax)) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8) ? '?' : c);
    }
    // A limit in the middle of a character, or C1 control characters, are for no terminal either.
    if (utf8 && (!is_utf8(out) || out.find('\xC2') != std::string::npos)) {
        std::ranges::replace_if(
            out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    }
    return out;
}

std::string refusal_text(const PhoneAnswer& answer) {
    if (answer.status == 0) {
        return printable(answer.failure);
    }
    const std::string request_id = printable(answer.header("X-Request-Id"));
    const std::string bracket = request_id.empty()
                                    ? fmt::format("({})", answer.status)
                                    : fmt::format("({}, request id {})", answer.status, request_id);
    const bool by_gate = !request_id.empty();
    switch (answer.status) {
        case 400:
            return "the request is malformed, says the other side " + bracket;
        case 401:
            return "the mail server doesn't accept this user and password " + bracket;
        case 403:
            return (by_gate ? "refused by the gate " : "refused, and not by the gate ") + bracket;
        case 449:
            return "the mail server wants the phone to provision first " + bracket;
        case 502:
        case 504:
            return "the gate gets no proper answer from the mail server " + bracket;
        case 503: {
            const std::string retry = printable(answer.header("Retry-After"));
            return fmt::format("nothing is served right now {}{}", bracket,
                               retry.empty() ? "" : fmt::format(", try again in {} s", retry));
        }
        default:
            return "unexpected HTTP status " + bracket;
    }
}

StepResult SimulatedPhone::run(PhoneStep step) {
    switch (step) {
        case PhoneStep::options:
            return ask_options();
        case PhoneStep::provision:
            return provision();
        case PhoneStep::foldersync:
            return folder_sync();
        case PhoneStep::sync:
            return sync();
        case PhoneStep::ping:
            return ping();
        case PhoneStep::sendmail:
            return send_mail();
    }
    return failed("unknown step");
}

SimulatedPhone::Reply SimulatedPhone::command(std::string_view name, std::string body,
                                              std::string_view content_type,
                                              std::chrono::seconds timeout) {
    PhoneQuery query{name, options_.user, options_.device_id, options_.device_type,
                     options_.protocol};
    query.save_in_sent = name == "SendMail" && content_type != kWbxmlType;
    if (name != "Ping") {
        query.policy_key = policy_key_;
    }
    PhoneRequest request;
    request.body = std::move(body);
    request.content_type = content_type;
    request.timeout = timeout;
    if (options_.base64) {
        request.query = base64_query(query);
    } else {
        request.query = plain_query(query);
        request.headers.push_back("MS-ASProtocolVersion: " + options_.protocol);
        if (name != "Ping") {  // [MS-ASHTTP] 2.2.1.1.2.6: every command but Ping carries it
            request.headers.push_back(fmt::format("X-MS-PolicyKey: {}", policy_key_));
        }
    }
    answer_ = client_.send(request);
    if (answer_.status != 200) {
        return std::unexpected(refusal_text(answer_));
    }
    if (answer_.body.empty()) {
        return std::nullopt;
    }
    Result<WbxmlElement> root = read_wbxml(answer_.body);
    if (!root) {
        return std::unexpected(fmt::format("the answer isn't ActiveSync: {}", root.error().what));
    }
    return *std::move(root);
}

SimulatedPhone::Reply SimulatedPhone::command(std::string_view name, std::string body) {
    return command(name, std::move(body), kWbxmlType, options_.timeout);
}

StepResult SimulatedPhone::ask_options() {
    PhoneRequest request;
    request.method = "OPTIONS";
    request.timeout = options_.timeout;
    answer_ = client_.send(request);
    if (answer_.status != 200) {
        return failed(refusal_text(answer_));
    }
    const std::string_view versions = answer_.header("MS-ASProtocolVersions");
    if (versions.empty()) {
        return failed("no ActiveSync server: MS-ASProtocolVersions is missing");
    }
    const std::string list = fmt::format(",{},", versions);
    const bool spoken = list.find("," + options_.protocol + ",") != std::string::npos;
    return {spoken, fmt::format("protocols {}{}", printable(versions),
                                spoken ? "" : ": the one asked for isn't among them")};
}

StepResult SimulatedPhone::provision() {
    const bool with_information = options_.protocol != "12.1" && options_.protocol != "14.0";
    policy_key_ = 0;
    const Reply offer =
        command("Provision",
                provision_request(with_information ? "Simulated phone" : "", options_.user_agent));
    const std::expected<std::string, StepResult> temporary = offered_key(offer);
    if (!temporary) {
        return temporary.error();
    }
    if (!remember_key(*temporary)) {
        return failed("the server's policy key isn't a number");
    }
    const Reply final = command("Provision", provision_acknowledgement(*temporary));
    const std::expected<std::string, StepResult> key = offered_key(final);
    if (!key) {
        return key.error().passed ? failed("the server took its policy back") : key.error();
    }
    return remember_key(*key) ? passed("policy received, applied and acknowledged")
                              : failed("the server's policy key isn't a number");
}

/// The policy key of a Provision answer, or how the step ends without one.
std::expected<std::string, StepResult> SimulatedPhone::offered_key(const Reply& reply) {
    if (!reply) {
        return std::unexpected(failed(reply.error()));
    }
    if (!*reply) {
        return std::unexpected(failed("the answer is empty"));
    }
    const WbxmlElement& root = **reply;
    if (root.find({provision::kRemoteWipe}) != nullptr ||
        root.find({provision::kAccountOnlyRemoteWipe}) != nullptr) {
        return std::unexpected(failed("the server asks for a remote wipe"));
    }
    if (const std::string_view status = root.value({provision::kStatus}); status != "1") {
        return std::unexpected(failed(status_text(status)));
    }
    const WbxmlElement* policy = root.find({provision::kPolicies, provision::kPolicy});
    const std::string_view status = policy == nullptr ? "2" : policy->value({provision::kStatus});
    if (status == "2") {
        return std::unexpected(passed("the server has no policy for this phone"));
    }
    if (status != "1") {
        return std::unexpected(failed(fmt::format("policy status {}", printable(status))));
    }
    return std::string(policy->value({provision::kPolicyKey}));
}

bool SimulatedPhone::remember_key(std::string_view text) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), policy_key_);
    return error == std::errc{} && end == text.data() + text.size() && policy_key_ != 0;
}

StepResult SimulatedPhone::folder_sync() {
    const Reply reply = command("FolderSync", folder_sync_request("0"));
    if (!reply) {
        return failed(reply.error());
    }
    const std::string_view status = *reply ? (*reply)->value({folder::kStatus}) : "";
    if (status != "1") {
        return failed(status_text(status));
    }
    const WbxmlElement* changes = (*reply)->find({folder::kChanges});
    std::size_t count = 0;
    for (const WbxmlElement& added : children_of(changes)) {
        count += added.tag == folder::kAdd ? 1u : 0u;
        if (added.tag == folder::kAdd && added.value({folder::kType}) == folder::kTypeInbox) {
            inbox_ = added.value({folder::kServerId});
        }
    }
    if (inbox_.empty()) {
        return failed(fmt::format("{} folders, but no inbox", count));
    }
    return passed(fmt::format("{} folders", count));
}

StepResult SimulatedPhone::sync() {
    std::string key = "0";
    std::size_t messages = 0;
    std::string latest;
    int quiet = 0;  // rounds without a change; SOGo settles after one more key
    for (int round = 0; round < kSyncRoundsMax && quiet < 2; ++round) {
        const Reply reply = command("Sync", sync_request(key, inbox_));
        if (!reply) {
            return failed(reply.error());
        }
        if (!*reply) {
            break;  // nothing (more) has changed
        }
        const WbxmlElement* inbox = (*reply)->find({airsync::kCollections, airsync::kCollection});
        const std::string_view status = inbox == nullptr ? (*reply)->value({airsync::kStatus})
                                                         : inbox->value({airsync::kStatus});
        if (inbox == nullptr || (status != "1" && !status.empty())) {
            return failed(status_text(status));
        }
        key = inbox->value({airsync::kSyncKey});
        const WbxmlElement* changes = inbox->find({airsync::kCommands});
        for (const WbxmlElement& added : children_of(changes)) {
            if (added.tag == airsync::kAdd) {
                ++messages;
                latest = added.value({airsync::kApplicationData, email::kSubject});
            }
        }
        const bool more = changes != nullptr || inbox->find({airsync::kMoreAvailable}) != nullptr;
        quiet = more || round == 0 ? 0 : quiet + 1;
    }
    return passed(messages == 0 ? "the inbox is empty"
                                : fmt::format("{} message{}, the last one \"{}\"", messages,
                                              messages == 1 ? "" : "s", printable(latest)));
}

StepResult SimulatedPhone::ping() {
    std::chrono::seconds heartbeat = options_.ping;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto began = std::chrono::steady_clock::now();
        const Reply reply =
            command("Ping", ping_request(static_cast<std::uint64_t>(heartbeat.count()), inbox_),
                    kWbxmlType, heartbeat + options_.timeout);
        if (!reply) {
            return failed(reply.error());
        }
        const std::string_view status = *reply ? (*reply)->value({ping::kStatus}) : "";
        if (status == "1") {
            // May be less than the heartbeat: a gate ends a Ping so when it must.
            const auto held =
                std::chrono::round<std::chrono::seconds>(std::chrono::steady_clock::now() - began);
            return passed(fmt::format("held {} s, nothing new", held.count()));
        }
        if (status == "2") {
            return passed("there is new mail");
        }
        const std::uint64_t nearest =
            *reply ? parse_unsigned((*reply)->value({ping::kHeartbeatInterval})).value_or(0) : 0;
        if (status != "5" || nearest == 0 || nearest > 3600) {
            return failed(status == "7" ? "status 7: the folders must be synced again"
                                        : status_text(status));
        }
        heartbeat = std::chrono::seconds(nearest);  // the server's limit, [MS-ASCMD] 2.2.3.88
    }
    return failed("the server refuses the heartbeat that it proposed itself");
}

StepResult SimulatedPhone::send_mail() {
    const std::string_view user = options_.user;
    const std::string to = options_.mail_to.empty() ? std::string(user.substr(user.rfind('\\') + 1))
                                                    : options_.mail_to;
    const std::time_t now = std::time(nullptr);
    const std::string mime = fmt::format(
        "To: {}\r\nSubject: Sent by easgate phone\r\nDate: {:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        "A simulated phone, {}, sent this message.\r\n",
        to, fmt::gmtime(now), options_.device_id);
    const bool as_message = options_.protocol == "12.1";
    const std::string client_id =
        fmt::format("{:x}-{:x}", now, std::chrono::steady_clock::now().time_since_epoch().count());
    const Reply reply =
        command("SendMail", as_message ? mime : send_mail_request(client_id, mime),
                as_message ? std::string_view("message/rfc822") : kWbxmlType, options_.timeout);
    if (!reply) {
        return failed(reply.error());
    }
    return *reply ? failed(status_text((*reply)->value({compose::kStatus})))
                  : passed(fmt::format("message to {} accepted", printable(to)));
}

}  // namespace eg::commands
