/// The answer for one request, and why.
#pragma once

#include <cstdint>
#include <string_view>

namespace eg::filters {

/// Why a request was refused; `to_string` gives the word of the access line, of the metrics and of
/// `easgate explain`. Stable: monitoring is set up against these words.
enum class Reason : std::uint8_t {
    none,              // allowed
    malformed,         // 400: not HTTP, or two readings
    bad_request,       // 400: an ActiveSync request that can't be decoded
    header_too_large,  // 431
    body_too_large,    // 413
    path,              // 403 from here on
    method,
    no_device,
    device_unknown,
    device_denied,
    device_non_compliant,
    device_wipe,
    user,
    user_unreadable,  // a credential whose name can't be read, and the device names users
    bound_user,       // the device is bound to another user
    bound_key,        // the device belongs to another client key
    binding_unknown,  // the bindings are damaged, and the MDM server leaves the device open
    user_agent,
    device_type,
    only_secure_email,
    command,
    protocol_version,       // not one that the instance permits
    body_root,              // the root element isn't the command of the URL
    document_lookup,        // a Search or ItemOperations that leaves the mailbox
    autodiscover,           // an Autodiscover request that a server could take for another path
    ews,                    // an EWS request that is no permitted subscription
    ews_push_host,          // a subscription that names a host which isn't on the list
    ews_user,               // no permitted device names the user of an EWS request
    traveler_unidentified,  // a Traveler request without a device id, where that isn't enough
    certificate,            // the client certificate is no longer accepted
    lockout_shield,         // 401: the mail server refused the same credential a short while ago
    address_requests,       // 429: more requests a minute than the limits permit
    device_requests,        // 429
    user_requests,          // 429
    address_connections,    // 503: more connections of an address
    states_stale,           // 503
    states_missing,         // 503
    draining,               // 503
    overloaded,             // 503
    upstream_unreachable,   // 502
    upstream_invalid,       // 502
    upstream_silent,        // 504
    upstream_redirect,      // 503: it sends the phone to where no instance is
    client_timeout,         // 408 or a close
    client_left,            // the client hung up before the answer
};
[[nodiscard]] std::string_view to_string(Reason reason);
/// Whether `word` is that of a reason that observe mode lets pass: those of the relaxable filters.
[[nodiscard]] bool is_relaxable(std::string_view word);

struct Verdict {
    Reason reason = Reason::none;
    std::uint16_t status = 0;        // of our answer; 0 if allowed
    const char* filter = "";         // static name of the filter that decided
    Reason observed = Reason::none;  // allowed, but enforcing would have refused for this
    [[nodiscard]] bool allowed() const { return reason == Reason::none; }
};

/// The verdict for a reason with the status that belongs to it.
[[nodiscard]] Verdict refuse(Reason reason, const char* filter);

}  // namespace eg::filters
