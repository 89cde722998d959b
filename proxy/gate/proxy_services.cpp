// What a ProxyTransaction does for Traveler only.
#include "filters/traveler/request.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

void ProxyTransaction::count_unidentified(const filters::Verdict& verdict) {
    if (published_ != filters::Service::traveler || eas_.has_device_id) {
        return;
    }
    auto& metrics = *service_.slot().metrics;
    if (verdict.allowed()) {
        metrics.traveler_forwarded.add();
    } else if (verdict.reason == Reason::traveler_unidentified) {
        metrics.traveler_refused.add();
    }
}

void ProxyTransaction::note_traveler_device() {
    const auto& rules = service_.instance().rules();
    const bool tells = published_ == filters::Service::traveler && eas_.has_device_id &&
                       status_ >= 200 && status_ < 300 && !claims_.names.empty();
    if (tells && rules.traveler_unidentified == config::TravelerUnidentified::learned) {
        service_.slot().traveler_devices->learn(
            claims_.names.front(), filters::traveler::agent_family(user_agent_), eas_.device_id);
    }
}

}  // namespace eg::gate
