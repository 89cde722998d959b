#include "filters/traveler_filter.h"

#include "filters/device_filter.h"

namespace eg::filters {

Reason judge_traveler(const Facts& facts) {
    if (facts.service != Service::traveler) {
        return Reason::none;
    }
    if (facts.device_named) {
        return judge_record(facts.device);
    }
    switch (facts.rules->traveler_unidentified) {
        case config::TravelerUnidentified::forward:
            return Reason::none;
        case config::TravelerUnidentified::learned:
            return facts.traveler_learned ? Reason::none : Reason::traveler_unidentified;
        case config::TravelerUnidentified::deny:
            return Reason::traveler_unidentified;
    }
    return Reason::traveler_unidentified;
}

}  // namespace eg::filters
