#include "proxy/commands/phone_documents.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::commands {
namespace {

constexpr std::string_view kPolicyTypeName = "MS-EAS-Provisioning-WBXML";

// Settings: the device information inside Provision.
constexpr WbxmlTag kSettingsSet{18, 0x08}, kDeviceInformation{18, 0x16}, kModel{18, 0x17},
    kOs{18, 0x1A}, kUserAgent{18, 0x20};
// AirSyncBase: how mail bodies are wanted.
constexpr WbxmlTag kBodyPreference{17, 0x05}, kBodyType{17, 0x06}, kTruncationSize{17, 0x07};

/// [MS-ASHTTP] 2.2.1.1.1.1.2; only what the phone sends.
constexpr std::array<std::pair<std::string_view, std::uint8_t>, 5> kCommandCodes{
    {{"Sync", 0}, {"SendMail", 1}, {"FolderSync", 9}, {"Ping", 18}, {"Provision", 20}}};

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out.push_back(c);
        } else {
            fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

/// A byte of length and the bytes; false if they are too many.
bool append_block(std::string& out, std::string_view bytes) {
    if (bytes.size() > 255) {
        return false;
    }
    out.push_back(static_cast<char>(static_cast<unsigned char>(bytes.size())));
    out.append(bytes);
    return true;
}

}  // namespace

std::string provision_request(std::string_view model, std::string_view user_agent) {
    WbxmlWriter writer;
    writer.open(provision::kProvision);
    if (!model.empty()) {
        writer.open(kDeviceInformation).open(kSettingsSet).text(kModel, model);
        writer.text(kOs, "Simulated").text(kUserAgent, user_agent).close().close();
    }
    writer.open(provision::kPolicies).open(provision::kPolicy);
    writer.text(provision::kPolicyType, kPolicyTypeName).close().close().close();
    return writer.finish();
}

std::string provision_acknowledgement(std::string_view policy_key) {
    WbxmlWriter writer;
    writer.open(provision::kProvision).open(provision::kPolicies).open(provision::kPolicy);
    writer.text(provision::kPolicyType, kPolicyTypeName).text(provision::kPolicyKey, policy_key);
    writer.text(provision::kStatus, "1").close().close().close();
    return writer.finish();
}

std::string folder_sync_request(std::string_view sync_key) {
    WbxmlWriter writer;
    writer.open(folder::kFolderSync).text(folder::kSyncKey, sync_key).close();
    return writer.finish();
}

std::string sync_request(std::string_view sync_key, std::string_view folder_id) {
    WbxmlWriter writer;
    writer.open(airsync::kSync).open(airsync::kCollections).open(airsync::kCollection);
    writer.text(airsync::kSyncKey, sync_key).text(airsync::kCollectionId, folder_id);
    if (sync_key != "0") {
        writer.empty(airsync::kGetChanges).text(airsync::kWindowSize, "25");
        writer.open(airsync::kOptions).open(kBodyPreference).text(kBodyType, "1");
        writer.text(kTruncationSize, "1024").close().close();
    }
    writer.close().close().close();
    return writer.finish();
}

std::string ping_request(std::uint64_t heartbeat_seconds, std::string_view folder_id) {
    WbxmlWriter writer;
    writer.open(ping::kPing).text(ping::kHeartbeatInterval, fmt::to_string(heartbeat_seconds));
    writer.open(ping::kFolders).open(ping::kFolder).text(ping::kId, folder_id);
    writer.text(ping::kClass, "Email").close().close().close();
    return writer.finish();
}

std::string send_mail_request(std::string_view client_id, std::string_view mime) {
    WbxmlWriter writer;
    writer.open(compose::kSendMail).text(compose::kClientId, client_id);
    writer.empty(compose::kSaveInSentItems).opaque(compose::kMime, mime).close();
    return writer.finish();
}

std::string plain_query(const PhoneQuery& query) {
    return fmt::format("Cmd={}&User={}&DeviceId={}&DeviceType={}{}", percent_encode(query.command),
                       percent_encode(query.user), percent_encode(query.device_id),
                       percent_encode(query.device_type),
                       query.save_in_sent ? "&SaveInSent=T" : "");
}

std::string base64_query(const PhoneQuery& query) {
    const auto code = std::ranges::find(kCommandCodes, query.command,
                                        &std::pair<std::string_view, std::uint8_t>::first);
    std::string digits(query.protocol);
    std::erase(digits, '.');
    unsigned version = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), version);
    if (code == kCommandCodes.end() || version == 0 || version > 255) {
        return {};
    }
    std::string raw{static_cast<char>(version), static_cast<char>(code->second), '\x09', '\x04'};
    bool fits = append_block(raw, query.device_id);
    if (query.policy_key == 0) {
        raw.push_back('\0');
    } else {
        raw.push_back('\x04');
        for (unsigned shift = 0; shift < 32; shift += 8) {  // little endian
            raw.push_back(static_cast<char>(query.policy_key >> shift & 0xFFu));
        }
    }
    fits = append_block(raw, query.device_type) && fits;
    constexpr char kTagOptions = 7, kTagUser = 8;
    if (query.save_in_sent) {
        raw += {kTagOptions, 1, 1};  // one byte: bit 0 is SaveInSent
    }
    raw.push_back(kTagUser);
    fits = append_block(raw, query.user) && fits;
    return fits ? base64_encode(raw) : std::string{};
}

std::string_view global_status_text(std::string_view status) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kTexts{{
        {"101", "content doesn't fit the command"},
        {"102", "the document can't be decoded"},
        {"103", "the document breaks the schema"},
        {"108", "device id missing or wrong"},
        {"110", "server error"},
        {"111", "server error, try again later"},
        {"113", "the mailbox is full"},
        {"118", "this message was sent before"},
        {"119", "the message has no recipient"},
        {"126", "this user may not use ActiveSync"},
        {"129", "this device is blocked for this user"},
        {"130", "access denied"},
        {"131", "the account is disabled"},
        {"137", "the server doesn't know this command"},
        {"138", "the server doesn't speak this protocol version"},
        {"139", "the device can't apply the whole policy"},
        {"140", "a remote wipe is asked for"},
        {"141", "the device must support provisioning"},
        {"142", "the device must provision first"},
        {"143", "the policy must be fetched again"},
        {"144", "the policy key is wrong"},
        {"145", "externally managed devices aren't allowed"},
        {"165", "device information is missing"},
        {"177", "the user has too many devices"},
    }};
    const auto found =
        std::ranges::find(kTexts, status, &std::pair<std::string_view, std::string_view>::first);
    return found == kTexts.end() ? std::string_view{} : found->second;
}

}  // namespace eg::commands
