#include "filters/autodiscover/query.h"

#include <algorithm>
#include <vector>

#include "filters/autodiscover/request.h"
#include "proxy/base/text.h"
#include "proxy/http/target.h"

namespace eg::filters::autodiscover {

std::optional<Query> read_query(std::string_view query) {
    Query read;
    std::vector<std::string> names;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t equals = pair.find('=');
        if (equals == 0 || equals == std::string_view::npos) {
            return std::nullopt;
        }
        auto name = http::percent_decode(pair.substr(0, equals));
        auto value = http::percent_decode(pair.substr(equals + 1));
        if (!name || !value) {
            return std::nullopt;
        }
        *name = lower(*name);
        if (std::ranges::find(names, *name) != names.end()) {
            return std::nullopt;
        }
        const bool is_email = *name == "email";
        const bool fine =
            is_email ? value->empty() || is_address(*value) : value->find('@') == std::string::npos;
        if (!fine || name->find('@') != std::string::npos) {
            return std::nullopt;
        }
        if (is_email) {
            read.email = std::move(*value);
        } else if (*name == "protocol") {
            read.protocol = std::move(*value);
        }
        names.push_back(std::move(*name));
    }
    return read;
}

bool may_hold_at_sign(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '@') {
            return true;
        }
        if (text[at] != '%') {
            continue;
        }
        const auto decoded = http::percent_decode(text.substr(at, 3));
        if (!decoded || *decoded == "@" || *decoded == "%") {
            return true;
        }
    }
    return false;
}

}  // namespace eg::filters::autodiscover
