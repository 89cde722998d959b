#include "filters/verdict.h"

#include <algorithm>
#include <array>

namespace eg::filters {

namespace {

/// 0: there is nobody left to answer.
std::uint16_t status_of(Reason reason) {
    switch (reason) {
        case Reason::none:
        case Reason::client_left:
            return 0;
        case Reason::malformed:
        case Reason::bad_request:
            return 400;
        case Reason::header_too_large:
            return 431;
        case Reason::body_too_large:
            return 413;
        case Reason::states_stale:
        case Reason::states_missing:
        case Reason::draining:
        case Reason::overloaded:
        case Reason::upstream_redirect:
            return 503;
        case Reason::upstream_unreachable:
        case Reason::upstream_invalid:
            return 502;
        case Reason::upstream_silent:
            return 504;
        case Reason::client_timeout:
            return 408;
        default:
            return 403;
    }
}

}  // namespace

std::string_view to_string(Reason reason) {
    switch (reason) {
        case Reason::none:
            return "none";
        case Reason::malformed:
            return "malformed";
        case Reason::bad_request:
            return "bad_request";
        case Reason::header_too_large:
            return "header_too_large";
        case Reason::body_too_large:
            return "body_too_large";
        case Reason::path:
            return "path";
        case Reason::method:
            return "method";
        case Reason::no_device:
            return "no_device";
        case Reason::device_unknown:
            return "device_unknown";
        case Reason::device_denied:
            return "device_denied";
        case Reason::device_non_compliant:
            return "device_non_compliant";
        case Reason::device_wipe:
            return "device_wipe";
        case Reason::user:
            return "user";
        case Reason::user_unreadable:
            return "user_unreadable";
        case Reason::user_agent:
            return "user_agent";
        case Reason::only_secure_email:
            return "only_secure_email";
        case Reason::command:
            return "command";
        case Reason::body_root:
            return "body_root";
        case Reason::ews:
            return "ews";
        case Reason::ews_push_host:
            return "ews_push_host";
        case Reason::ews_user:
            return "ews_user";
        case Reason::traveler_unidentified:
            return "traveler_unidentified";
        case Reason::certificate:
            return "certificate";
        case Reason::states_stale:
            return "states_stale";
        case Reason::states_missing:
            return "states_missing";
        case Reason::draining:
            return "draining";
        case Reason::overloaded:
            return "overloaded";
        case Reason::upstream_unreachable:
            return "upstream_unreachable";
        case Reason::upstream_invalid:
            return "upstream_invalid";
        case Reason::upstream_silent:
            return "upstream_silent";
        case Reason::upstream_redirect:
            return "upstream_redirect";
        case Reason::client_timeout:
            return "client_timeout";
        case Reason::client_left:
            return "client_left";
    }
    return "none";
}

bool is_relaxable(std::string_view word) {
    using enum Reason;
    constexpr std::array kReasons{
        no_device, device_unknown,  device_denied, device_non_compliant, device_wipe,
        user,      user_unreadable, user_agent,    only_secure_email};
    return std::any_of(kReasons.begin(), kReasons.end(),
                       [word](Reason reason) { return to_string(reason) == word; });
}

Verdict refuse(Reason reason, const char* filter) {
    return Verdict{.reason = reason, .status = status_of(reason), .filter = filter};
}

}  // namespace eg::filters
