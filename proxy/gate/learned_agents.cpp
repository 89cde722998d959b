#include "proxy/gate/learned_agents.h"

#include <atomic>
#include <functional>

#include "proxy/base/check.h"
#include "proxy/device/table.h"

namespace eg::gate {

LearnedAgents::LearnedAgents() {
    EG_CHECK(last_.data() != nullptr);  // fails for want of memory only
}

void LearnedAgents::learn(std::string_view device_id, std::string_view user_agent) {
    learn(device::DeviceTable::hash_id(device_id), user_agent);
}

void LearnedAgents::learn(std::uint64_t device, std::string_view user_agent) {
    const std::uint64_t what = mix_(device, std::hash<std::string_view>()(user_agent)) | 1U;
    const std::atomic_ref last(*place_of(device));
    if (last.load(std::memory_order_relaxed) == what) {
        return;
    }
    const std::lock_guard lock(mutex_);
    if (user_agent.size() > kMostBytes) {
        // Too long to keep; the one before it isn't the last one any more.
        by_device_.erase(device);
        last.store(what, std::memory_order_relaxed);
        return;
    }
    const auto found = by_device_.find(device);
    if (found != by_device_.end()) {
        if (found->second != user_agent) {
            found->second = user_agent;
        }
    } else if (by_device_.size() < kMost) {
        by_device_.emplace(device, user_agent);
    } else {
        return;
    }
    last.store(what, std::memory_order_relaxed);
}

std::string LearnedAgents::of(std::string_view device_id) const {
    const std::uint64_t key = device::DeviceTable::hash_id(device_id);
    const std::lock_guard lock(mutex_);
    const auto found = by_device_.find(key);
    return found == by_device_.end() ? std::string() : found->second;
}

}  // namespace eg::gate
