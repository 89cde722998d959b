#include "filters/status_answer.h"

namespace eg::filters {

namespace {

constexpr std::uint16_t kForbidden = 403;
/// From here on errors travel in the document.
constexpr std::uint16_t kFirstWithStatus = 140;

// Never 140 to 145: they ask the client to provision, and to be wiped.
constexpr std::uint16_t kInvalidXml = 103;
constexpr std::uint16_t kDeviceIdMissing = 108;
constexpr std::uint16_t kUserDisabledForSync = 126;
constexpr std::uint16_t kDeviceIsBlocked = 129;
constexpr std::uint16_t kAccessDenied = 130;
constexpr std::uint16_t kVersionNotSupported = 138;

}  // namespace

std::uint16_t status_code(Reason reason) {
    switch (reason) {
        case Reason::no_device:
            return kDeviceIdMissing;
        case Reason::user:
        case Reason::user_unreadable:
            return kUserDisabledForSync;
        case Reason::device_unknown:
        case Reason::device_denied:
        case Reason::device_non_compliant:
        case Reason::device_wipe:
        case Reason::bound_user:
        case Reason::bound_key:
        case Reason::binding_unknown:
        case Reason::user_agent:
        case Reason::device_type:
        case Reason::only_secure_email:
            return kDeviceIsBlocked;
        case Reason::body_root:
            return kInvalidXml;
        case Reason::protocol_version:
            return kVersionNotSupported;
        default:
            return kAccessDenied;
    }
}

eas::StatusDocument refusal_document(const eas::EasRequest& request, const Verdict& verdict) {
    const bool says_it =
        verdict.status == kForbidden && request.protocol_version >= kFirstWithStatus;
    return {says_it ? request.command : eas::Command::none, status_code(verdict.reason)};
}

}  // namespace eg::filters
