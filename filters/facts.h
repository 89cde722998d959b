/// Everything that a filter may look at: views and small values, valid while the request is judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "filters/claims.h"
#include "filters/eas/request.h"
#include "filters/rules.h"
#include "proxy/device/binding.h"
#include "proxy/device/table.h"
#include "proxy/http/head.h"

namespace eg::filters {

/// Whether the states of an instance may be relied on.
enum class StateAge : std::uint8_t { fresh, stale, missing };

/// How the path of a request is served.
enum class Service : std::uint8_t { none, active_sync, ews, traveler, autodiscover };

struct Facts {
    const Rules* rules = nullptr;
    const http::RequestHead* head = nullptr;
    Service service = Service::none;
    StateAge age = StateAge::missing;
    const eas::EasRequest* eas = nullptr;  // null unless service is active_sync
    const Claims* claims = nullptr;        // Authorization of this request
    std::string_view connection_name{};    // name that NTLM signed this connection in with, or ""
    bool connection_unreadable = false;    // it was signed in by a credential that hides its name
    const std::vector<std::string>* certificate_names =
        nullptr;                                   // mail addresses of the client certificate
    const device::DeviceTable* devices = nullptr;  // null if there are none
    std::optional<device::RecordView> device{};    // looked up once
    const device::KeyHash* client_key = nullptr;   // of the client certificate
    device::Bound bound = device::Bound::no;
    std::optional<device::Binding> binding{};  // where `bound` is yes
    bool device_named = false;      // ActiveSync and Traveler: the request has a device id
    bool traveler_learned = false;  // it has none, but such a client used a permitted device before
    std::string_view user_agent{};  // of the request; where absent, the device's last good one
    bool has_user_agent = false;    // either of the two is known
};

/// Looks up what the device of `facts` is bound to.
void find_binding(Facts& facts, const device::FindBinding& find);

/// The service of a plain path (http::is_plain_path): exactly `/Microsoft-Server-ActiveSync` in any
/// letter case, and what `rules` opens beside it; else none. Cost for ActiveSync: one comparison.
[[nodiscard]] Service service_of(std::string_view path, const Rules& rules);

/// The path as it is sent upstream: in our own spelling; only below a Traveler prefix the rest of
/// `path` stays as it is. `service` is what service_of() said of `path`; "" for none. A view of a
/// literal or of `path`.
[[nodiscard]] std::string_view upstream_path(Service service, std::string_view path);

/// The word for the access line and for `explain`: `ActiveSync`, `EWS` …; "" for none.
[[nodiscard]] std::string_view name_of(Service service);

}  // namespace eg::filters
