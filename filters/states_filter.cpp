#include "filters/states_filter.h"

namespace eg::filters {

Reason judge_states(const Facts& facts) {
    if (facts.age == StateAge::missing || facts.devices == nullptr) {
        return Reason::states_missing;
    }
    return facts.age == StateAge::fresh ? Reason::none : Reason::states_stale;
}

}  // namespace eg::filters
