#include "proxy/device/sighting.h"

#include <algorithm>
#include <utility>

#include "proxy/device/table.h"

namespace eg::device {

namespace {

/// Longer texts of strangers are cut: a table of sightings must not grow with them.
constexpr std::size_t kMostText = 256;
constexpr std::size_t kFirstSlots = 64;

template <std::size_t N>
void assign(SmallText<N>& to, std::string_view text) {
    text = text.substr(0, kMostText);
    if (to != text) {
        to = text;
    }
}

}  // namespace

void SightingTable::note(const Seen& seen) {
    note(DeviceTable::hash_id(seen.id), seen);
}

void SightingTable::note(std::uint64_t device, const Seen& seen) {
    Sighting* const sighting = find_or_add(device);
    if (sighting == nullptr) {
        return;
    }
    if (sighting->requests == 0) {
        sighting->first_seen = seen.at;
        sighting->last_seen = seen.at;
    }
    assign(sighting->id, seen.id);
    assign(sighting->user, seen.user);
    assign(sighting->user_agent, seen.user_agent);
    assign(sighting->device_type, seen.device_type);
    assign(sighting->protocol, seen.protocol);
    assign(sighting->reason, seen.reason);
    sighting->first_seen = std::min(sighting->first_seen, seen.at);
    sighting->last_seen = std::max(sighting->last_seen, seen.at);
    ++sighting->requests;
    sighting->refused += seen.reason.empty() || seen.observed ? 0U : 1U;
}

void SightingTable::merge(Sighting&& sighting) {
    const std::size_t before = list_.size();
    Sighting* const known = find_or_add(DeviceTable::hash_id(sighting.id));
    if (known == nullptr) {
        return;
    }
    if (list_.size() != before) {
        *known = std::move(sighting);
        return;
    }
    sighting.requests += known->requests;
    sighting.refused += known->refused;
    sighting.first_seen = std::min(sighting.first_seen, known->first_seen);
    if (sighting.last_seen < known->last_seen) {
        known->requests = sighting.requests;
        known->refused = sighting.refused;
        known->first_seen = sighting.first_seen;
        return;  // the texts that we have are the later ones
    }
    *known = std::move(sighting);
}

std::vector<Sighting> SightingTable::take(std::vector<Sighting> empty) {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    empty.clear();
    empty.reserve(list_.size());  // the coming time is mostly like the last
    return std::exchange(list_, std::move(empty));
}

Sighting* SightingTable::find_or_add(std::uint64_t device) {
    if (2 * (list_.size() + 1) > slots_.size()) {
        grow();
    }
    Slot& slot = slot_of(device);
    if (slot.place != 0) {
        return &list_[slot.place - 1];
    }
    if (list_.size() >= most_) {
        ++dropped_;
        return nullptr;
    }
    list_.emplace_back();
    slot = {.device = device, .place = list_.size()};
    return &list_.back();
}

SightingTable::Slot& SightingTable::slot_of(std::uint64_t device) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = device & mask;
    while (slots_[at].place != 0 && slots_[at].device != device) {
        at = (at + 1) & mask;
    }
    return slots_[at];
}

void SightingTable::grow() {
    const std::vector<Slot> before =
        std::exchange(slots_, std::vector<Slot>(std::max(kFirstSlots, 2 * slots_.size())));
    for (const Slot& slot : before) {
        if (slot.place != 0) {
            slot_of(slot.device) = slot;
        }
    }
}

}  // namespace eg::device
