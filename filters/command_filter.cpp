#include "filters/command_filter.h"

namespace eg::filters {

Reason judge_command(const Facts& facts) {
    if (facts.eas == nullptr) {
        return Reason::none;
    }
    if (facts.eas->unknown_command) {
        return Reason::command;
    }
    // A POST that names neither command nor device is refused for its missing device.
    const bool missing = facts.eas->command == eas::Command::none && facts.eas->has_device_id &&
                         facts.head->method == http::Method::post;
    return missing ? Reason::command : Reason::none;
}

}  // namespace eg::filters
