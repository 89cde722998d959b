#include "filters/device_filter.h"

namespace eg::filters {

Reason judge_record(const std::optional<device::RecordView>& device) {
    if (!device) {
        return Reason::device_unknown;
    }
    switch (device->state()) {
        case device::State::allow:
            return Reason::none;
        case device::State::deny:
            return Reason::device_denied;
        case device::State::non_compliant:
            return Reason::device_non_compliant;
        case device::State::wipe:
            return Reason::device_wipe;
        case device::State::removed:
            return Reason::device_unknown;
    }
    return Reason::device_denied;
}

Reason judge_device(const Facts& facts) {
    if (facts.eas == nullptr) {
        return Reason::none;
    }
    if (!facts.eas->has_device_id) {
        const bool post = facts.head != nullptr && facts.head->method == http::Method::post;
        return post ? Reason::no_device : Reason::none;
    }
    return judge_record(facts.device);
}

}  // namespace eg::filters
