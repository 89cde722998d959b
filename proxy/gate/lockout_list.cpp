#include "proxy/gate/lockout_list.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "proxy/log/escape.h"

namespace eg::gate {
namespace {

using Entry = LockoutShield::Entry;

std::int64_t steady_now_ms() {
    return std::chrono::duration_cast<Milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void append_entry(std::string& out, std::string_view instance, const Entry& entry) {
    out.append("{\"instance\":");
    log::append_json_string(out, instance);
    out.append(",\"user\":");
    log::append_json_string(out, entry.user);
    out.append(",\"device\":");
    log::append_json_string(out, entry.device_id);
    fmt::format_to(std::back_inserter(out), ",\"answered\":{},\"expires_in_s\":{}}}",
                   entry.answered, (entry.expires_in.count() + 999) / 1000);
}

/// What `entries_of` gives of each shield, in an order that people find their way in.
template <typename EntriesOf>
std::string array_of(std::span<const InstanceShield> shields, EntriesOf entries_of) {
    std::string out;
    for (const InstanceShield& one : shields) {
        if (one.shield == nullptr) {
            continue;
        }
        std::vector<Entry> entries = entries_of(*one.shield);
        std::ranges::sort(entries, {}, [](const Entry& entry) {
            return std::pair<std::string_view, std::string_view>(entry.user, entry.device_id);
        });
        for (const Entry& entry : entries) {
            out.append(out.empty() ? "[\n" : ",\n");
            append_entry(out, one.instance, entry);
        }
    }
    return out.empty() ? "[]\n" : out + "\n]\n";
}

}  // namespace

std::string list_lockouts_json(std::span<const InstanceShield> shields) {
    return array_of(shields, [](LockoutShield& shield) { return shield.list(steady_now_ms()); });
}

std::string lift_lockouts_json(std::span<const InstanceShield> shields,
                               const std::optional<std::string>& name) {
    return array_of(shields, [&](LockoutShield& shield) {
        return name ? shield.lift(*name, steady_now_ms()) : shield.lift_all(steady_now_ms());
    });
}

}  // namespace eg::gate
