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

namespace eg::gate {

class LearnedAgents {
  public:
    /// `device_id` as sent. Past the limit new devices are not learned: their requests without the
    /// field stay refused.
    void learn(std::string_view device_id, std::string_view user_agent);
    /// The same where DeviceTable::hash_id() of the id is known.
    void learn(std::uint64_t device, std::string_view user_agent);
    /// "" if there is none.
    [[nodiscard]] std::string of(std::string_view device_id) const;

  private:
    static constexpr std::size_t kMost = 100'000;
    static constexpr std::size_t kMostBytes = 256;
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::string> by_device_;
};

}  // namespace eg::gate
