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
    /// Past the limits nothing is learned: such requests stay refused. Of more devices than
    /// kMostDevices the oldest one is forgotten.
    void learn(std::string_view user, std::string_view family, std::string_view device_id);
    [[nodiscard]] std::vector<std::string> of(std::string_view user, std::string_view family) const;

  private:
    static constexpr std::size_t kMost = 100'000;
    static constexpr std::size_t kMostDevices = 8;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::vector<std::string>> by_client_;
};

}  // namespace eg::gate
