#include "proxy/http/target.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/http/chars.h"

namespace eg::http {

bool is_plain_path(std::string_view path) {
    if (!path.starts_with('/') || path.find_first_of("%\\;?") != std::string_view::npos ||
        !all_in(kTargetChar, path)) {
        return false;
    }
    std::string_view rest = path.substr(1);
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        // Of an empty segment it is true as well that no other byte than a dot stands in it.
        if (rest.substr(0, slash).find_first_not_of('.') == std::string_view::npos) {
            return false;
        }
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return true;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        if (text.front() != '%') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        const int high = text.size() > 2 ? hex_value(text[1]) : -1;
        const int low = text.size() > 2 ? hex_value(text[2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high << 4 | low);
        text.remove_prefix(3);
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

}  // namespace eg::http
