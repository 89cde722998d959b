#include "proxy/gate/learned_devices.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/device/id_key.h"

namespace eg::gate {

namespace {

// Keyed: a stranger can't choose names that meet in one place.
std::uint64_t key_of(std::string_view text) {
    return device::keyed_hash(lower(text));
}

}  // namespace

void LearnedDevices::learn(std::string_view user, std::string_view family,
                           std::string_view device_id) {
    const std::uint64_t user_key = key_of(user);
    const std::uint64_t family_key = key_of(family);
    const std::lock_guard lock(mutex_);
    const auto found = by_user_.find(user_key);
    if (found == by_user_.end() && by_user_.size() >= kMost) {
        return;
    }
    auto& devices = found == by_user_.end() ? by_user_[user_key] : found->second;
    const auto same = std::ranges::find_if(devices, [&](const Known& known) {
        return known.family == family_key && iequals(known.device, device_id);
    });
    if (same != devices.end()) {
        return;
    }
    if (devices.size() == kMostDevices) {
        devices.erase(devices.begin());
    }
    devices.push_back({family_key, std::string(device_id)});
}

std::vector<std::string> LearnedDevices::of(std::string_view user, std::string_view family) const {
    const std::uint64_t family_key = key_of(family);
    std::vector<std::string> devices;
    const std::lock_guard lock(mutex_);
    if (const auto found = by_user_.find(key_of(user)); found != by_user_.end()) {
        for (const Known& known : found->second) {
            if (known.family == family_key) {
                devices.push_back(known.device);
            }
        }
    }
    return devices;
}

}  // namespace eg::gate
