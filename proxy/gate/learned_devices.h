/// The devices that users of Traveler named in requests that the mail server answered with 2xx: its
/// clients don't name theirs every time.
///
/// Shared by the workers of an instance; asked and told only where `traveler_unidentified` is
/// `learned`. Bounded; lost at a restart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace eg::gate {

class LearnedDevices {
  public:
    /// Past the limit of users nothing is learned: their requests stay refused. Of more devices of
    /// a user than kMostDevices, with whatever kinds of client, the oldest one is forgotten.
    void learn(std::string_view user, std::string_view family, std::string_view device_id);
    [[nodiscard]] std::vector<std::string> of(std::string_view user, std::string_view family) const;

  private:
    static constexpr std::size_t kMost = 100'000;
    static constexpr std::size_t kMostDevices = 16;
    struct Known {
        std::uint64_t family;
        std::string device;
    };
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::vector<Known>> by_user_;
};

}  // namespace eg::gate
