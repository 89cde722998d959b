#include "proxy/http/authority.h"

#include <algorithm>

#include "proxy/base/ip.h"
#include "proxy/base/text.h"

namespace eg::http {

namespace {

// RFC 3986 3.2.3: no port, or 1 to 65535 without an odd spelling.
bool is_port(std::string_view text) {
    const auto number = parse_unsigned(text);
    return number && *number >= 1 && *number <= 65535 && text.front() != '0';
}

bool is_host_name(std::string_view name) {
    return !name.empty() && name.size() <= 253 && name.front() != '.' &&
           name.find("..") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

}  // namespace

std::optional<Authority> read_authority(std::string_view text) {
    Authority out{.host = text, .port = {}};
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        out.host = text.substr(0, end + 1);
        const std::string_view address = text.substr(1, end - 1);
        if (address.find(':') == std::string_view::npos || !IpAddress::parse(address)) {
            return std::nullopt;
        }
    } else {
        out.host = text.substr(0, text.find(':'));
        if (!is_host_name(out.host)) {
            return std::nullopt;
        }
    }
    const std::string_view rest = text.substr(out.host.size());
    if (!rest.empty()) {
        out.port = rest.substr(1);
        if (rest.front() != ':' || !is_port(out.port)) {
            return std::nullopt;
        }
    }
    return out;
}

}  // namespace eg::http
