#include "filters/ews/push_url.h"

#include <algorithm>

#include "proxy/base/host_name.h"
#include "proxy/base/text.h"

namespace eg::filters::ews {

namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::size_t kLongestUrl = 2048;

bool is_port(std::string_view text) {
    const auto port = text.size() <= 5 ? parse_unsigned(text) : std::nullopt;
    return port && *port > 0 && *port <= 65'535;
}

bool is_listed(std::string_view host, const std::vector<std::string>& hosts) {
    return std::ranges::any_of(hosts, [&](const std::string& listed) {
        // Names without a dot are found in the company's network only.
        return listed == "*" ? host.find('.') != std::string_view::npos : iequals(listed, host);
    });
}

}  // namespace

bool is_push_url_permitted(std::string_view url, const std::vector<std::string>& hosts) {
    const bool plain = std::ranges::all_of(url, [](char c) {
        return c > ' ' && c < '\x7f' && c != '\\' && c != '#' && c != '@' && c != '"' && c != '<' &&
               c != '>';
    });
    if (!plain || url.size() > kLongestUrl || !istarts_with(url, kScheme)) {
        return false;
    }
    url.remove_prefix(kScheme.size());
    const std::string_view authority = url.substr(0, url.find_first_of("/?"));
    const std::size_t colon = authority.find(':');
    const std::string_view host = authority.substr(0, colon);
    if (colon != std::string_view::npos && !is_port(authority.substr(colon + 1))) {
        return false;
    }
    return is_host_name(host) && is_listed(host, hosts);
}

}  // namespace eg::filters::ews
