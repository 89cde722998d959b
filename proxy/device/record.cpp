#include "proxy/device/record.h"

#include <algorithm>

#include "proxy/base/text.h"

namespace eg::device {

std::string_view to_string(State state) {
    switch (state) {
        case State::allow:
            return "allow";
        case State::deny:
            return "deny";
        case State::non_compliant:
            return "non_compliant";
        case State::wipe:
            return "wipe";
        case State::removed:
            return "removed";
    }
    return "deny";
}

State parse_state(std::string_view word) {
    for (const State state : {State::allow, State::non_compliant, State::wipe, State::removed}) {
        if (word == to_string(state)) {
            return state;
        }
    }
    return State::deny;
}

bool is_text_id(std::string_view id) {
    return std::all_of(id.begin(), id.end(), is_alnum);
}

std::string canonical_id(std::string_view id) {
    return is_text_id(id) ? upper(id) : to_hex(id);
}

}  // namespace eg::device
