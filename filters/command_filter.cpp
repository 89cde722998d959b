#include "filters/command_filter.h"

namespace eg::filters {

Reason judge_command(const Facts& facts) {
    if (facts.eas == nullptr) {
        return Reason::none;
    }
    if (facts.eas->unknown_command) {
        return Reason::command;
    }
    // A POST that names neither command nor device is refused for its missing device, unless that
    // would only be observed.
    const bool told_elsewhere = !facts.eas->has_device_id && !facts.rules->observe;
    const bool missing = facts.eas->command == eas::Command::none && !told_elsewhere &&
                         facts.head->method == http::Method::post;
    return missing ? Reason::command : Reason::none;
}

}  // namespace eg::filters
