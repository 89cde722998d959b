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

std::string key_text(const KeyHash& key) {
    return lower(to_hex({reinterpret_cast<const char*>(key.data()), key.size()}));
}

std::optional<KeyHash> parse_key(std::string_view hex) {
    KeyHash key{};
    if (hex.size() != 2 * key.size()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < key.size(); ++i) {
        const int high = hex_value(hex[2 * i]);
        const int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        key[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return key;
}

}  // namespace eg::device
