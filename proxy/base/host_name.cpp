#include "proxy/base/host_name.h"

#include <algorithm>

#include "proxy/base/text.h"

namespace eg {

namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035 2.3.4
constexpr std::size_t kLongestLabel = 63;

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= kLongestLabel && !label.starts_with('-') &&
           !label.ends_with('-') &&
           std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

}  // namespace

bool is_host_name(std::string_view text) {
    if (text.size() > kLongestName) {
        return false;
    }
    for (;;) {
        const std::size_t dot = std::min(text.find('.'), text.size());
        const std::string_view label = text.substr(0, dot);
        if (!is_label(label)) {
            return false;
        }
        if (dot == text.size()) {
            return !std::ranges::all_of(label, is_digit) && !istarts_with(label, "0x");
        }
        text.remove_prefix(dot + 1);
    }
}

}  // namespace eg
