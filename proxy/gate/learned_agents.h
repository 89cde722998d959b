/// The user agents with which devices last got an answer of 2xx: some clients leave the field out
/// at times.
///
/// Shared by the workers of an instance; asked and told only where a list of user agents is set.
/// Bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/keyed_mix.h"
#include "proxy/device/layer.h"

namespace eg::gate {

class LearnedAgents {
  public:
    LearnedAgents();
    /// `device_id` as sent. Past the limit new devices are not learned: their requests without the
    /// field stay refused.
    void learn(std::string_view device_id, std::string_view user_agent);
    /// The same where DeviceTable::hash_id() of the id is known. No lock if it is what was learned
    /// last.
    void learn(std::uint64_t device, std::string_view user_agent);
    /// Starts to fetch from memory what learn() will look at first.
    void prefetch(std::uint64_t device) const { __builtin_prefetch(place_of(device)); }
    /// "" if there is none.
    [[nodiscard]] std::string of(std::string_view device_id) const;

  private:
    static constexpr std::size_t kMost = 100'000;
    static constexpr std::size_t kMostBytes = 256;
    static constexpr std::size_t kPlaces = std::size_t{1} << 17U;

    [[nodiscard]] std::uint64_t* place_of(std::uint64_t device) const {
        return reinterpret_cast<std::uint64_t*>(last_.data()) + device % kPlaces;
    }

    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::string> by_device_;
    KeyedMix mix_;
    /// A hash of the device and agent learned last among the devices that share a place; 0: none.
    /// Written under the mutex, read without. Costs memory only where agents are learned.
    device::Pages last_{kPlaces * sizeof(std::uint64_t)};
};

}  // namespace eg::gate
