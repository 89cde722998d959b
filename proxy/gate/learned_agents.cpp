#include "proxy/gate/learned_agents.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/device/id_key.h"
#include "proxy/device/table.h"

namespace eg::gate {

namespace {

/// 0 stands for none.
std::uint64_t not_zero(std::uint64_t hash) {
    return std::max<std::uint64_t>(hash, 1);
}

}  // namespace

LearnedAgents::LearnedAgents() {
    EG_CHECK(places_.data() != nullptr);  // fails for want of memory only
}

void LearnedAgents::learn(std::string_view device_id, std::string_view user_agent) {
    learn(device::DeviceTable::hash_id(device_id), user_agent);
}

void LearnedAgents::learn(std::uint64_t device, std::string_view user_agent) {
    // One that is too long isn't kept, and the one before it isn't the last one any more.
    const std::uint64_t agent =
        user_agent.size() > kMostBytes ? kNone : not_zero(device::keyed_hash(user_agent));
    const std::uint64_t key = not_zero(device);
    Place& seen = place_of(key);
    if (seen.device().load(std::memory_order_acquire) == key
            ? seen.agent().load(std::memory_order_relaxed) == agent
            : agent == kNone || devices_.load(std::memory_order_relaxed) == kMost) {
        return;
    }
    const std::lock_guard lock(mutex_);
    Place& place = place_of(key);  // another worker may have filled the one that was free
    const bool known = place.device().load(std::memory_order_relaxed) == key;
    const std::uint64_t before = known ? place.agent().load(std::memory_order_relaxed) : kNone;
    if (before == agent || (!known && devices_ == kMost)) {
        return;
    }
    uncount(before);
    count(agent, user_agent);
    place.agent().store(agent, std::memory_order_relaxed);
    if (!known) {
        place.device().store(key, std::memory_order_release);
        devices_.fetch_add(1, std::memory_order_relaxed);
    }
}

void LearnedAgents::count(std::uint64_t agent, std::string_view text) {
    if (agent != kNone) {
        Agent& counted = agents_[agent];
        if (counted.devices++ == 0) {
            counted.text = text;
        }
    }
}

void LearnedAgents::uncount(std::uint64_t agent) {
    const auto found = agents_.find(agent);
    if (found != agents_.end() && --found->second.devices == 0) {
        agents_.erase(found);
    }
}

LearnedAgents::Place& LearnedAgents::place_of(std::uint64_t device) const {
    std::size_t at = device % kPlaces;
    for (;; at = (at + 1) % kPlaces) {
        const std::uint64_t here = places()[at].device().load(std::memory_order_acquire);
        if (here == device || here == 0) {
            return places()[at];
        }
    }
}

std::string LearnedAgents::of(std::string_view device_id) const {
    const std::uint64_t device = not_zero(device::DeviceTable::hash_id(device_id));
    const std::lock_guard lock(mutex_);
    Place& place = place_of(device);
    if (place.device().load(std::memory_order_relaxed) != device) {
        return {};
    }
    const auto found = agents_.find(place.agent().load(std::memory_order_relaxed));
    return found == agents_.end() ? std::string() : found->second.text;
}

}  // namespace eg::gate
