#include "filters/traveler/request.h"

#include <algorithm>
#include <optional>

#include "filters/eas/query.h"
#include "proxy/base/text.h"
#include "proxy/http/target.h"

namespace eg::filters::traveler {

namespace {

constexpr std::size_t kLongestId = 256;

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& one) { return iequals(one, name); });
}

/// Adds another place where the request names its device.
Result<void> take(std::string_view id, std::string& device) {
    if (id.size() > kLongestId || eas::has_control_bytes(id)) {
        return malformed("a device id that is none");
    }
    if (!device.empty() && !iequals(device, id)) {
        return malformed("two device ids that contradict");
    }
    device = id;
    return {};
}

Result<void> read_query(std::string_view query, const Rules& rules, std::string& device) {
    if (query.find_first_of("?;") != std::string_view::npos) {
        return malformed("a query that can be read in two ways");
    }
    std::vector<std::string> seen;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto name = http::percent_decode(pair.substr(0, equals));
        if (!name) {
            return malformed("a parameter that is not percent-encoded well");
        }
        if (!is_one_of(rules.traveler_parameters, *name)) {
            continue;
        }
        const auto value = http::percent_decode(pair.substr(std::min(equals + 1, pair.size())));
        if (!value) {
            return malformed("a device id that is not percent-encoded well");
        }
        if (is_one_of(seen, *name)) {
            return malformed("a device that is named twice");
        }
        seen.push_back(*name);
        if (const auto taken = take(*value, device); !taken) {
            return taken;
        }
    }
    return {};
}

}  // namespace

Result<std::string> device_of(const http::RequestHead& head, const Rules& rules) {
    std::string device;
    if (const auto read = read_query(head.query, rules, device); !read) {
        return std::unexpected(read.error());
    }
    std::vector<std::string> seen;
    for (const http::Field& field : head.fields) {
        if (field.id != http::FieldName::other || !is_one_of(rules.traveler_fields, field.name)) {
            continue;
        }
        if (is_one_of(seen, field.name)) {
            return malformed("a device that is named twice");
        }
        seen.emplace_back(field.name);
        if (const auto taken = take(field.value, device); !taken) {
            return std::unexpected(taken.error());
        }
    }
    return device;
}

std::string_view agent_family(std::string_view user_agent) {
    return user_agent.substr(0, user_agent.find('/'));
}

}  // namespace eg::filters::traveler
