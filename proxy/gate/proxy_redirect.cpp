// Redirects of the mail server: a phone never learns an inside name, and never goes round the gate.
#include <optional>
#include <string>

#include "proxy/base/text.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr std::uint16_t kMoved = 451;            // [MS-ASHTTP] 2.2.1.1.2.2
constexpr std::size_t kMostLocation = 3 * 1024;  // answer() has room for it
constexpr std::string_view kMovedTo = "X-MS-Location";
constexpr std::string_view kLocation = "Location";

/// The value of a field that stands there once; nothing otherwise.
std::optional<std::string_view> only_value(const http::Fields& fields, std::string_view name) {
    const http::Field* first = fields.find(name);
    if (first == nullptr) {
        return std::nullopt;
    }
    for (const http::Field& field : fields) {
        if (&field != first && field.name.size() == name.size() && iequals(field.name, name)) {
            return std::nullopt;
        }
    }
    return first->value;
}

}  // namespace

bool ProxyTransaction::answer_redirect(const http::ResponseHead& head) {
    const bool moved = head.status == kMoved;
    if (!moved && published_ == filters::Service::autodiscover) {
        return false;  // where other servers are is what Autodiscover is asked for
    }
    const std::string_view name = moved ? kMovedTo : kLocation;
    if (!moved && (head.status < 300 || head.status > 399 || head.fields.find(name) == nullptr)) {
        return false;
    }
    const auto& redirects = service_.instance().redirects();
    const auto value = only_value(head.fields, name);
    std::optional<std::string> outward;
    if (value) {
        outward = moved ? redirects.moved_to(*value) : redirects.location(*value);
    }
    const bool is_known = outward && outward->size() <= kMostLocation;
    if (is_known && *outward == *value && !moved) {
        return false;  // names no server
    }
    service_.upstream_works();
    if (!is_known) {
        service_.worker().log->event(
            log::Level::warning, "redirect",
            "instance {}: the mail server answers {} and sends {} to {}, which is no other "
            "instance's mail server with a public_url: answered with 503",
            service_.slot().name, head.status,
            claims_.names.empty() ? std::string_view("a phone") : claims_.names.front(),
            value.value_or("nowhere in particular"));
    }
    drop_upstream();  // `value` lay in it; it may have a body, which nobody is to read
    if (!is_known) {
        answer(filters::refuse(Reason::upstream_redirect, "redirect"));
        return true;
    }
    answer({.reason = Reason::none, .status = head.status, .filter = ""}, {name, *outward});
    return true;
}

}  // namespace eg::gate
