// What a ProxyTransaction does for the limits of connections and requests.
#include <array>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/device/id_key.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

bool ProxyTransaction::answer_crowd(RateTable* rates) {
    if (connection_.crowded()) {
        keep_client_ = false;
        answer(filters::refuse(Reason::address_connections, "limits"));
        return true;
    }
    const unsigned limit = service_.instance().limits().address_requests;
    return rates != nullptr && limit != 0 &&
           answer_too_many(*rates, rates->mix().of_client(connection_.peer().address), limit,
                           Reason::address_requests);
}

bool ProxyTransaction::answer_frequent(const http::RequestHead& head, RateTable& rates) {
    const auto& limits = service_.instance().limits();
    // Anybody can claim a device or a user. So those are counted apart by what a stranger hasn't
    // got: the credential, or where nothing of it is in the request, the address.
    const http::Field* field =
        claims_.connection_bound ? nullptr : head.fields.find(http::FieldName::authorization);
    std::uint64_t caller = field != nullptr ? rates.key_of(field->value)
                                            : ~rates.mix().of_client(connection_.peer().address);
    if (field == nullptr && connection_.notes() != nullptr && !notes().connection_name.empty()) {
        caller ^= device::keyed_hash(lower(notes().connection_name));  // signed in, and no stranger
    }
    if (limits.device_requests != 0 && held_.device != 0 &&
        answer_too_many(rates, caller ^ held_.device, limits.device_requests,
                        Reason::device_requests)) {
        return true;
    }
    if (limits.user_requests == 0) {
        return false;
    }
    std::string_view user = claims_.names.empty() ? std::string_view() : claims_.names.front();
    if (user.empty() && connection_.notes() != nullptr) {
        user = notes().connection_name;
    }
    // The other way round, so that a user isn't the device of the same name.
    return !user.empty() && answer_too_many(rates, ~(caller ^ device::keyed_hash(lower(user))),
                                            limits.user_requests, Reason::user_requests);
}

bool ProxyTransaction::answer_too_many(RateTable& rates, std::uint64_t key, unsigned limit,
                                       Reason reason) {
    const Milliseconds wait = rates.take(key, limit, service_.worker().loop->now_ms());
    if (wait.count() == 0) {
        return false;
    }
    answer(filters::refuse(reason, "limits"));
    std::array<char, 48> line;
    const auto end =
        fmt::format_to(line.data(), "Retry-After: {}\r\n", (wait.count() + 999) / 1000);
    add_to_answer({line.data(), static_cast<std::size_t>(end - line.data())});
    return true;
}

}  // namespace eg::gate
