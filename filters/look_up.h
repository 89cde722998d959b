/// From a request head to its verdict: reads what the request says, looks up what belongs to it,
/// asks the filters. What the proxy and `easgate explain` both do. Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/chain.h"
#include "filters/claims.h"
#include "filters/eas/request.h"
#include "filters/facts.h"
#include "filters/rules.h"
#include "filters/verdict.h"
#include "proxy/device/table.h"
#include "proxy/http/head.h"

namespace eg::filters {

/// What the request itself doesn't say. Views, valid during the call.
struct Surroundings {
    const Rules* rules = nullptr;                  // never null when judging
    const device::DeviceTable* devices = nullptr;  // null: there are none yet
    StateAge age = StateAge::missing;
    std::string_view connection_name;    // name that NTLM signed this connection in with, or ""
    bool connection_unreadable = false;  // the connection was signed in (Negotiate), name unknown
    const std::vector<std::string>* certificate_names = nullptr;  // mail addresses, or null
    const device::KeyHash* client_key = nullptr;  // of the client certificate, where it matters
    device::FindBinding find_binding{};           // empty: the instance binds nothing
    /// The user agent of that device's last request that the mail server answered with 2xx; "" if
    /// there is none. Asked only where the request has no User-Agent; may be empty.
    std::function<std::string_view(std::string_view device_id)> learned_user_agent;
    /// The devices that this user named before with a Traveler client of this family, in requests
    /// that the mail server answered with 2xx. Asked only where a Traveler request names none and
    /// that matters; may be empty.
    std::function<std::vector<std::string>(std::string_view user, std::string_view family)>
        traveler_devices{};
};

/// Values of its own, but for the views into the head and into what learned_user_agent returned.
struct Judgement {
    Verdict verdict{};
    Service service = Service::none;
    eas::EasRequest eas{};          // empty where the verdict is bad_request
    std::uint64_t device = 0;       // DeviceTable::hash_id() of its device id; 0 if it has none
    Claims claims{};                // likewise
    std::string_view user_agent{};  // the one that was judged; "" if none is known
    const char* detail =
        "";  // static text: what couldn't be decoded, for the debug log and `explain`

    /// The name for the access line: what the credential claims, else the User parameter, else "".
    [[nodiscard]] std::string_view user() const;
};

/// Whether a Traveler request that names no device may pass by what was learned: nobody is signed
/// in by it (the mail server asks), or its user named a device before that is permitted now and
/// lists the user.
[[nodiscard]] bool is_learned(const Claims& claims, std::string_view user_agent,
                              const Surroundings& around);

/// Judges a request that parsed as HTTP. What can't be read in one way only is bad_request (400),
/// also where the states are stale: a path that isn't plain, a query or an Authorization that can't
/// be decoded. Then the filters in their order.
[[nodiscard]] Judgement judge_request(const http::RequestHead& head, const Surroundings& around);

/// The judgement and what every filter said; one line only where the request can't be read.
struct Explanation {
    Judgement judgement;
    std::vector<TraceLine> lines;
};
[[nodiscard]] Explanation explain_request(const http::RequestHead& head,
                                          const Surroundings& around);

}  // namespace eg::filters
