#include "filters/verdict.h"

#include <algorithm>
#include <array>
#include <cstddef>

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
        case Reason::lockout_shield:
            return 401;
        case Reason::address_requests:
        case Reason::device_requests:
        case Reason::user_requests:
            return 429;
        case Reason::header_too_large:
            return 431;
        case Reason::body_too_large:
            return 413;
        case Reason::states_stale:
        case Reason::states_missing:
        case Reason::draining:
        case Reason::overloaded:
        case Reason::address_connections:
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

struct Word {
    Reason reason;
    std::string_view text;
};

// In the order of the reasons.
constexpr std::array kWords{
    Word{Reason::none, "none"},
    Word{Reason::malformed, "malformed"},
    Word{Reason::bad_request, "bad_request"},
    Word{Reason::header_too_large, "header_too_large"},
    Word{Reason::body_too_large, "body_too_large"},
    Word{Reason::path, "path"},
    Word{Reason::method, "method"},
    Word{Reason::no_device, "no_device"},
    Word{Reason::device_unknown, "device_unknown"},
    Word{Reason::device_denied, "device_denied"},
    Word{Reason::device_non_compliant, "device_non_compliant"},
    Word{Reason::device_wipe, "device_wipe"},
    Word{Reason::user, "user"},
    Word{Reason::user_unreadable, "user_unreadable"},
    Word{Reason::bound_user, "bound_user"},
    Word{Reason::bound_key, "bound_key"},
    Word{Reason::binding_unknown, "binding_unknown"},
    Word{Reason::user_agent, "user_agent"},
    Word{Reason::device_type, "device_type"},
    Word{Reason::only_secure_email, "only_secure_email"},
    Word{Reason::command, "command"},
    Word{Reason::protocol_version, "protocol_version"},
    Word{Reason::body_root, "body_root"},
    Word{Reason::document_lookup, "document_lookup"},
    Word{Reason::autodiscover, "autodiscover"},
    Word{Reason::ews, "ews"},
    Word{Reason::ews_push_host, "ews_push_host"},
    Word{Reason::ews_user, "ews_user"},
    Word{Reason::traveler_unidentified, "traveler_unidentified"},
    Word{Reason::certificate, "certificate"},
    Word{Reason::lockout_shield, "lockout_shield"},
    Word{Reason::address_requests, "address_requests"},
    Word{Reason::device_requests, "device_requests"},
    Word{Reason::user_requests, "user_requests"},
    Word{Reason::address_connections, "address_connections"},
    Word{Reason::states_stale, "states_stale"},
    Word{Reason::states_missing, "states_missing"},
    Word{Reason::draining, "draining"},
    Word{Reason::overloaded, "overloaded"},
    Word{Reason::upstream_unreachable, "upstream_unreachable"},
    Word{Reason::upstream_invalid, "upstream_invalid"},
    Word{Reason::upstream_silent, "upstream_silent"},
    Word{Reason::upstream_redirect, "upstream_redirect"},
    Word{Reason::client_timeout, "client_timeout"},
    Word{Reason::client_left, "client_left"},
};
static_assert([] {
    for (std::size_t i = 0; i < kWords.size(); ++i) {
        if (kWords[i].reason != static_cast<Reason>(i)) {
            return false;
        }
    }
    return kWords.size() == static_cast<std::size_t>(Reason::client_left) + 1;
}());

}  // namespace

std::string_view to_string(Reason reason) {
    return kWords[static_cast<std::size_t>(reason)].text;
}

bool is_relaxable(std::string_view word) {
    using enum Reason;
    constexpr std::array kReasons{no_device,        device_unknown,
                                  device_denied,    device_non_compliant,
                                  device_wipe,      user,
                                  user_unreadable,  bound_user,
                                  bound_key,        binding_unknown,
                                  user_agent,       device_type,
                                  only_secure_email};
    return std::any_of(kReasons.begin(), kReasons.end(),
                       [word](Reason reason) { return to_string(reason) == word; });
}

Verdict refuse(Reason reason, const char* filter) {
    return Verdict{.reason = reason, .status = status_of(reason), .filter = filter};
}

}  // namespace eg::filters
