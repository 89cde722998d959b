/// What workers report of the devices they saw, for the MDM server. Bounded, since strangers fill
/// it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/base/small_text.h"
#include "proxy/base/units.h"
#include "proxy/device/hashed_list.h"

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

/// What many devices have in common in what is seen of them; kept once for all of them, since the
/// memory of sightings costs more than all that is done with them.
struct Description {
    std::uint64_t hash = 0;  // keyed, of all that follows
    SmallText<52> user_agent;
    SmallText<20> device_type;
    SmallText<4> protocol;
    SmallText<20> reason;
};

/// What is known of one device since the last report. Usual texts fit into it without allocation.
struct Sighting {
    std::uint64_t hash = 0;  // DeviceTable::hash_id() of the id
    ShortText id;
    SmallText<28> user;
    WallTime first_seen, last_seen;
    std::uint32_t requests = 0;
    std::uint32_t refused = 0;
    std::uint32_t description = 0;  // its place among those of the same Sightings
};
static_assert(sizeof(Sighting) <= 128);

/// Sightings that belong together: those of a worker, or of all of them once merged.
struct Sightings {
    std::vector<Sighting> list;
    std::vector<Description> descriptions;

    [[nodiscard]] std::size_t size() const { return list.size(); }
    [[nodiscard]] bool empty() const { return list.empty(); }
    [[nodiscard]] const Description& of(const Sighting& sighting) const {
        return descriptions[sighting.description];
    }
    /// The memory stays.
    void clear() {
        list.clear();
        descriptions.clear();
    }
};

/// The sightings of one worker for one instance, or of all workers once merged. Not thread-safe.
class SightingTable {
  public:
    explicit SightingTable(std::size_t most = 20'000) : most_(most) {}
    /// Allocates only for a device or a description that is new since the last take() (seldom: the
    /// table grows), and for texts of unusual length. At the limit new devices are counted in
    /// dropped() and forgotten, and known ones keep their description.
    void note(const Seen& seen);
    /// The same where DeviceTable::hash_id() of the id is known.
    void note(std::uint64_t device, const Seen& seen);
    /// Starts to fetch from memory what note() will read first.
    void prefetch(std::uint64_t device) const { sightings_.prefetch(device); }
    /// Adds what another table saw. `from` is empty then; its memory stays.
    void merge(Sightings& from);
    /// Everything, in exchange for `empty`, into whose memory the coming sightings go: that of a
    /// list which was taken before is at hand, while fresh pages cost more than what is noted.
    [[nodiscard]] Sightings take(Sightings empty = {});
    [[nodiscard]] bool empty() const { return sightings_.size() == 0; }
    [[nodiscard]] std::size_t size() const { return sightings_.size(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    /// The sighting of that device, a fresh one, without requests, if there was none; null if there
    /// is no room.
    [[nodiscard]] Sighting* find_or_add(std::uint64_t device);
    /// Room for a description that is new. Fresh sightings always get one, so that there are at
    /// most twice as many as devices.
    [[nodiscard]] bool may_describe(const Sighting& sighting) const {
        return sighting.requests == 0 || descriptions_.size() < most_;
    }
    void describe(Sighting& sighting, const Seen& seen);
    void adopt(Sighting& sighting, const Description& from);

    HashedList<Sighting> sightings_;
    HashedList<Description> descriptions_;
    std::uint32_t last_ = 0;  // the description used last; there is one if there is a sighting
    std::size_t most_;
    std::uint64_t dropped_ = 0;
};

}  // namespace eg::device
