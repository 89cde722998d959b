#include "proxy/gate/learned_devices.h"

#include <algorithm>

#include "proxy/base/text.h"

namespace eg::gate {

namespace {

constexpr std::size_t kMostKeyBytes = 512;

/// No name of a user holds a line feed.
std::string key_of(std::string_view user, std::string_view family) {
    return lower(user) + '\n' + lower(family);
}

}  // namespace

void LearnedDevices::learn(std::string_view user, std::string_view family,
                           std::string_view device_id) {
    std::string key = key_of(user, family);
    if (key.size() > kMostKeyBytes) {
        return;
    }
    const std::lock_guard lock(mutex_);
    auto found = by_client_.find(key);
    if (found == by_client_.end()) {
        if (by_client_.size() >= kMost) {
            return;
        }
        found = by_client_.emplace(std::move(key), std::vector<std::string>()).first;
    }
    auto& devices = found->second;
    const auto same = std::ranges::find_if(
        devices, [&](const std::string& device) { return iequals(device, device_id); });
    if (same != devices.end()) {
        return;
    }
    if (devices.size() == kMostDevices) {
        devices.erase(devices.begin());
    }
    devices.emplace_back(device_id);
}

std::vector<std::string> LearnedDevices::of(std::string_view user, std::string_view family) const {
    const std::string key = key_of(user, family);
    const std::lock_guard lock(mutex_);
    const auto found = by_client_.find(key);
    return found == by_client_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace eg::gate
