/// What workers report of the devices they saw, for the MDM server. Bounded, since strangers fill
/// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/units.h"

namespace eg::device {

/// One request, as the worker saw it: views, valid during the call.
struct Seen {
    std::string_view id;  // as sent
    std::string_view user;
    std::string_view user_agent;
    std::string_view device_type;
    std::string_view protocol;
    std::string_view reason;  // "" = allowed
    WallTime at;
    bool observed = false;  // with a reason: it would have been refused, and was let pass
};

/// What is known of one device since the last report.
struct Sighting {
    std::string id, user, user_agent, device_type, protocol, reason;
    WallTime first_seen, last_seen;
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;
};

/// The sightings of one worker for one instance, or of all workers once merged. Not thread-safe.
class SightingTable {
  public:
    explicit SightingTable(std::size_t most = 20'000) : most_(most) {}
    /// Cost: one hash; allocates only for a device that is new since the last take(), or whose
    /// texts changed. At the limit new devices are counted in dropped() and forgotten.
    void note(const Seen& seen);
    void merge(Sighting&& sighting);
    [[nodiscard]] std::vector<Sighting> take();
    [[nodiscard]] bool empty() const { return by_id_.empty(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    std::unordered_map<std::uint64_t, Sighting> by_id_;  // by DeviceTable::hash_id
    std::size_t most_;
    std::uint64_t dropped_ = 0;
};

}  // namespace eg::device
