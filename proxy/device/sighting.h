/// What workers report of the devices they saw, for the MDM server. Bounded, since strangers fill
/// it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/base/small_text.h"
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

/// What is known of one device since the last report. Usual texts fit into it without allocation.
struct Sighting {
    ShortText id, user;
    SmallText<52> user_agent;
    SmallText<20> device_type;
    SmallText<4> protocol;
    SmallText<20> reason;
    WallTime first_seen, last_seen;
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;
};

/// The sightings of one worker for one instance, or of all workers once merged. Not thread-safe.
class SightingTable {
  public:
    explicit SightingTable(std::size_t most = 20'000) : most_(most) {}
    /// Allocates only for a device that is new since the last take() (seldom: the table grows), and
    /// for texts of unusual length. At the limit new devices are counted in dropped() and
    /// forgotten.
    void note(const Seen& seen);
    /// The same where DeviceTable::hash_id() of the id is known.
    void note(std::uint64_t device, const Seen& seen);
    /// Starts to fetch from memory what note() will read first.
    void prefetch(std::uint64_t device) const {
        if (!slots_.empty()) {
            __builtin_prefetch(&slots_[device & (slots_.size() - 1)]);
        }
    }
    void merge(Sighting&& sighting);
    /// Everything, in exchange for `empty`, into whose memory the coming sightings go: that of a
    /// list which was taken before is at hand, while fresh pages cost more than what is noted.
    [[nodiscard]] std::vector<Sighting> take(std::vector<Sighting> empty = {});
    [[nodiscard]] bool empty() const { return list_.empty(); }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    struct Slot {
        std::uint64_t device = 0;  // DeviceTable::hash_id
        std::uint64_t place = 0;   // in list_, plus one; 0 = free
    };
    /// The sighting of that device, a fresh one if there was none; null if there is no room.
    [[nodiscard]] Sighting* find_or_add(std::uint64_t device);
    [[nodiscard]] Slot& slot_of(std::uint64_t device);
    void grow();

    std::vector<Slot> slots_;  // open addressing; a power of two, at most half of them taken
    std::vector<Sighting> list_;
    std::size_t most_;
    std::uint64_t dropped_ = 0;
};

}  // namespace eg::device
