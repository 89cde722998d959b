#include "proxy/gate/learned_agents.h"

#include "proxy/device/table.h"

namespace eg::gate {

void LearnedAgents::learn(std::string_view device_id, std::string_view user_agent) {
    learn(device::DeviceTable::hash_id(device_id), user_agent);
}

void LearnedAgents::learn(std::uint64_t device, std::string_view user_agent) {
    const std::lock_guard lock(mutex_);
    if (user_agent.size() > kMostBytes) {
        // Too long to keep; the one before it isn't the last one any more.
        by_device_.erase(device);
        return;
    }
    const auto found = by_device_.find(device);
    if (found != by_device_.end()) {
        if (found->second != user_agent) {
            found->second = user_agent;
        }
    } else if (by_device_.size() < kMost) {
        by_device_.emplace(device, user_agent);
    }
}

std::string LearnedAgents::of(std::string_view device_id) const {
    const std::uint64_t key = device::DeviceTable::hash_id(device_id);
    const std::lock_guard lock(mutex_);
    const auto found = by_device_.find(key);
    return found == by_device_.end() ? std::string() : found->second;
}

}  // namespace eg::gate
