#include "filters/named_device.h"

#include <algorithm>
#include <vector>

#include "filters/names.h"

namespace eg::filters {

namespace {

bool names_all(const device::RecordView& device, const std::vector<std::string_view>& names,
               const Rules& rules) {
    return std::ranges::all_of(names, [&](std::string_view name) {
        return device.any_of_users([&](std::string_view listed) {
            return user_matches(listed, name, rules.user_domains);
        });
    });
}

}  // namespace

bool is_named_by_device(const Facts& facts) {
    std::vector<std::string_view> names;
    if (facts.claims != nullptr) {
        names.assign(facts.claims->names.begin(), facts.claims->names.end());
    }
    if (!facts.connection_name.empty()) {
        names.push_back(facts.connection_name);
    }
    if (facts.certificate_names != nullptr) {
        names.insert(names.end(), facts.certificate_names->begin(), facts.certificate_names->end());
    }
    return names.empty() ||
           (facts.devices != nullptr &&
            facts.devices->any_of_user(user_key(names.front()), [&](const auto& device) {
                return names_all(device, names, *facts.rules);
            }));
}

bool has_device_for_any_user(const Facts& facts) {
    return facts.devices != nullptr &&
           facts.devices->any_of_user(user_key(""),
                                      [](const auto& device) { return device.any_user(); });
}

}  // namespace eg::filters
