/// Keys of options that later versions bring: known and checked, but only their default is
/// accepted, so that nobody believes that something is in force that isn't.
#include "proxy/base/text.h"
#include "proxy/config/fields.h"

namespace eg::config {

void Fields::not_in_this_version(std::string_view key, std::string_view instead) {
    problem(key, fmt::format("not in this version; leave it out or set it to {}", instead));
}

void Fields::later_list(std::string_view key) {
    std::vector<std::string> items;
    texts(key, items, false);
    if (!items.empty()) {
        not_in_this_version(key, "[]");
    }
}

void Fields::later_choice(std::string_view key, std::span<const std::string_view> choices) {
    const std::string what = listed(choices);
    const Section* found = scalar(key, what);
    if (found == nullptr || found->text == choices[0]) {
        return;
    }
    for (const std::string_view choice : choices) {
        if (found->text == choice) {
            not_in_this_version(key, choices[0]);
            return;
        }
    }
    expected(key, *found, what);
}

}  // namespace eg::config
