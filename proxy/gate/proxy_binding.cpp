// What a ProxyTransaction does for device bindings.
#include "proxy/gate/bindings.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

const device::KeyHash* ProxyTransaction::client_key() {
    return service_.instance().settings().require_client_certificate
               ? notes().client_key(connection_)
               : nullptr;
}

void ProxyTransaction::note_binding() {
    Slot& slot = service_.slot();
    // Only what the mail server gives to an authenticated phone proves anything: some answer
    // OPTIONS, and Domino its sign-in page, with 200 to anybody.
    const bool proves = slot.bindings != nullptr && status_ >= 200 && status_ < 300 &&
                        published_ == filters::Service::active_sync &&
                        method_ == http::Method::post && eas_.has_device_id &&
                        observed_ == Reason::none;
    const bool unreadable =
        claims_.unreadable || (connection_.notes() != nullptr && notes().connection_unreadable);
    if (!proves || unreadable || slot.table == nullptr) {
        return;
    }
    std::string_view name;
    if (!claims_.names.empty()) {
        name = claims_.names.front();
    } else if (connection_.notes() != nullptr) {
        name = notes().connection_name;
    }
    const auto record = slot.table->find(eas_.device_id);
    if (name.empty() || !record || record->state() != device::State::allow) {
        return;
    }
    const bool to_key = service_.instance().rules().bind == config::Bind::certificate;
    const auto* key = to_key && record->keys().empty() ? client_key() : nullptr;
    const bool to_user = record->any_user();
    device::Binding known;
    const auto bound = slot.bindings->find(record->id(), known);
    const bool has_all = bound == device::Bound::yes && (!to_user || !known.user.empty()) &&
                         (key == nullptr || known.key.has_value());
    if (has_all || (!to_user && key == nullptr)) {
        return;  // nearly always
    }
    slot.bindings->bind(
        {.id = std::string(record->id()),
         .user = std::string(to_user ? name : ""),
         .key = key != nullptr ? std::optional(*key) : std::nullopt,
         .since = std::chrono::duration_cast<std::chrono::seconds>(began_wall_.time_since_epoch())
                      .count()},
        slot.table);
}

void ProxyTransaction::note_held() {
    Slot& slot = service_.slot();
    const auto overlap = slot.bindings->hold(
        held_.device, Bindings::origin(connection_.peer().address, client_key()));
    if (overlap == Bindings::Overlap::none) {
        return;
    }
    slot.metrics->held_overlaps.add();
    if (slot.bindings->may_warn(service_.worker().loop->now_ms())) {
        service_.worker().log->event(
            log::Level::warning, "binding",
            "instance {}: device {} waits in two requests at once that come from different {}; the "
            "later one from {}",
            slot.name, std::string_view(eas_.device_id),
            overlap == Bindings::Overlap::key ? "client keys" : "networks",
            connection_.peer().address.to_string());
    }
}

void ProxyTransaction::note_released() {
    service_.slot().bindings->release(held_.device,
                                      Bindings::origin(connection_.peer().address, client_key()));
}

}  // namespace eg::gate
