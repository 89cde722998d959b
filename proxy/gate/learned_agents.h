/// The user agents with which devices last got an answer of 2xx: some clients leave the field out
/// at times.
///
/// Shared by the workers of an instance; asked and told only where a list of user agents is set.
/// Bounded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/device/layer.h"

namespace eg::gate {

class LearnedAgents {
  public:
    LearnedAgents();
    /// `device_id` as sent. Past the limit new devices are not learned: their requests without the
    /// field stay refused.
    void learn(std::string_view device_id, std::string_view user_agent);
    /// The same where DeviceTable::hash_id() of the id is known. No lock if it is what the device
    /// said last, or if there is no room for the device.
    void learn(std::uint64_t device, std::string_view user_agent);
    /// Starts to fetch from memory what learn() will look at first.
    void prefetch(std::uint64_t device) const { __builtin_prefetch(places() + device % kPlaces); }
    /// "" if there is none.
    [[nodiscard]] std::string of(std::string_view device_id) const;

  private:
    /// What a device said last. Written under the mutex, read without: the device once, after the
    /// agent. Zeroed memory is a free place.
    struct Place {
        std::uint64_t device_word, agent_word;
        /// DeviceTable::hash_id(), never 0; 0 = free.
        [[nodiscard]] auto device() { return std::atomic_ref(device_word); }
        /// A key of agents_, or kNone.
        [[nodiscard]] auto agent() { return std::atomic_ref(agent_word); }
    };
    struct Agent {
        std::string text;
        std::size_t devices = 0;  // that said it last
    };
    static constexpr std::size_t kMost = 100'000;
    static constexpr std::size_t kMostBytes = 256;
    static constexpr std::size_t kPlaces = std::size_t{1} << 18U;
    static constexpr std::uint64_t kNone = 0;

    [[nodiscard]] Place* places() const { return reinterpret_cast<Place*>(places_.data()); }
    /// The place of the device, or the free one where it belongs.
    [[nodiscard]] Place& place_of(std::uint64_t device) const;
    /// Under the mutex: counts a device of an agent, or one less.
    void count(std::uint64_t agent, std::string_view text);
    void uncount(std::uint64_t agent);

    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Agent> agents_;  // by keyed hash, of few for many devices
    std::atomic<std::size_t> devices_ = 0;             // as many places are taken
    /// Open addressing, of zeroed pages: costs memory only where agents are learned.
    device::Pages places_{kPlaces * sizeof(Place)};
};

}  // namespace eg::gate
