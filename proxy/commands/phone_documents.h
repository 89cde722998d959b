/// What a phone sends in a first sync, and the tags it looks for in the answers. Pure.
/// Sources: [MS-ASCMD] 2.2.1, [MS-ASPROV] 2.2.2, [MS-ASWBXML] 2.1.2.1, [MS-ASHTTP] 2.2.1.1.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/commands/phone_wbxml.h"

namespace eg::commands {

namespace airsync {
inline constexpr WbxmlTag kSync{0, 0x05}, kAdd{0, 0x07}, kSyncKey{0, 0x0B}, kStatus{0, 0x0E},
    kCollection{0, 0x0F}, kCollectionId{0, 0x12}, kGetChanges{0, 0x13}, kMoreAvailable{0, 0x14},
    kWindowSize{0, 0x15}, kCommands{0, 0x16}, kOptions{0, 0x17}, kCollections{0, 0x1C},
    kApplicationData{0, 0x1D};
}
namespace email {
inline constexpr WbxmlTag kSubject{2, 0x14};
}
namespace folder {
inline constexpr WbxmlTag kDisplayName{7, 0x07}, kServerId{7, 0x08}, kType{7, 0x0A},
    kStatus{7, 0x0C}, kChanges{7, 0x0E}, kAdd{7, 0x0F}, kSyncKey{7, 0x12}, kFolderSync{7, 0x16};
inline constexpr std::string_view kTypeInbox = "2";
}  // namespace folder
namespace ping {
inline constexpr WbxmlTag kPing{13, 0x05}, kStatus{13, 0x07}, kHeartbeatInterval{13, 0x08},
    kFolders{13, 0x09}, kFolder{13, 0x0A}, kId{13, 0x0B}, kClass{13, 0x0C};
}
namespace provision {
inline constexpr WbxmlTag kProvision{14, 0x05}, kPolicies{14, 0x06}, kPolicy{14, 0x07},
    kPolicyType{14, 0x08}, kPolicyKey{14, 0x09}, kStatus{14, 0x0B}, kRemoteWipe{14, 0x0C},
    kAccountOnlyRemoteWipe{14, 0x3B};
}
namespace compose {
inline constexpr WbxmlTag kSendMail{21, 0x05}, kSaveInSentItems{21, 0x08}, kMime{21, 0x10},
    kClientId{21, 0x11}, kStatus{21, 0x12};
}

/// Phase 1 of Provision; `model` empty: without device information, as protocols below 14.1 want
/// it.
[[nodiscard]] std::string provision_request(std::string_view model, std::string_view user_agent);
/// Phase 2: the phone has applied the policy that came with `policy_key`.
[[nodiscard]] std::string provision_acknowledgement(std::string_view policy_key);
[[nodiscard]] std::string folder_sync_request(std::string_view sync_key);
/// The first one of a folder has the key "0" and asks for nothing else.
[[nodiscard]] std::string sync_request(std::string_view sync_key, std::string_view folder_id);
[[nodiscard]] std::string ping_request(std::uint64_t heartbeat_seconds, std::string_view folder_id);
/// From protocol 14.0 on; before, the message itself is the body.
[[nodiscard]] std::string send_mail_request(std::string_view client_id, std::string_view mime);

/// What a query says.
struct PhoneQuery {
    std::string_view command;
    std::string_view user;
    std::string_view device_id;
    std::string_view device_type;
    std::string_view protocol;     // "14.1"
    std::uint32_t policy_key = 0;  // 0: none
    bool save_in_sent = false;
};

/// `Cmd=…&User=…&DeviceId=…&DeviceType=…`, percent-encoded.
[[nodiscard]] std::string plain_query(const PhoneQuery& query);
/// The short form; "" if the command has no code or a part is longer than its byte of length can
/// say.
[[nodiscard]] std::string base64_query(const PhoneQuery& query);

/// What a status in the root of an answer means, in words; "" where it has no general meaning.
/// [MS-ASCMD] 2.2.2.
[[nodiscard]] std::string_view global_status_text(std::string_view status);

}  // namespace eg::commands
