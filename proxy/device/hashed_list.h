/// Things in the order in which they came, each found again by its 64-bit hash, which is taken for
/// the thing itself: it must be keyed where strangers choose the things. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace eg::device {

/// `T` has a member `hash` and a default constructor.
template <typename T>
class HashedList {
  public:
    [[nodiscard]] T* find(std::uint64_t hash) {
        return slots_.empty() ? nullptr : thing_in(slot_of(hash));
    }
    /// For a hash that isn't there. Allocates when the list grows.
    T& add(std::uint64_t hash) {
        if (2 * (list_.size() + 1) > slots_.size()) {
            grow();
        }
        list_.emplace_back().hash = hash;
        slots_[slot_of(hash)] = slot_for(hash, list_.size());
        return list_.back();
    }
    /// Starts to fetch from memory what find() will read first.
    void prefetch(std::uint64_t hash) const {
        if (!slots_.empty()) {
            __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
        }
    }
    /// Everything, in exchange for `empty`, whose memory the coming things use.
    [[nodiscard]] std::vector<T> take(std::vector<T> empty) {
        std::fill(slots_.begin(), slots_.end(), Slot{});
        empty.clear();
        empty.reserve(list_.size());  // the coming time is mostly like the last
        return std::exchange(list_, std::move(empty));
    }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] const T& operator[](std::size_t place) const { return list_[place]; }
    /// The place of a thing that is in the list.
    [[nodiscard]] std::uint32_t place_of(const T& thing) const {
        return static_cast<std::uint32_t>(&thing - list_.data());
    }

  private:
    struct Slot {
        std::uint32_t tag = 0;    // of the hash, what the number of the slot doesn't say
        std::uint32_t place = 0;  // in list_, plus one; 0 = free
    };
    static constexpr std::size_t kFirstSlots = 64;

    [[nodiscard]] static Slot slot_for(std::uint64_t hash, std::size_t place) {
        return {static_cast<std::uint32_t>(hash >> 32U), static_cast<std::uint32_t>(place)};
    }
    [[nodiscard]] T* thing_in(std::size_t slot) {
        return slots_[slot].place == 0 ? nullptr : &list_[slots_[slot].place - 1];
    }
    /// The slot of that hash, or the free one where it belongs.
    [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const {
        const std::size_t mask = slots_.size() - 1;
        const auto tag = static_cast<std::uint32_t>(hash >> 32U);
        for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
            const Slot& slot = slots_[at];
            if (slot.place == 0 || (slot.tag == tag && list_[slot.place - 1].hash == hash)) {
                return at;
            }
        }
    }
    void grow() {
        slots_.assign(std::max(kFirstSlots, 2 * slots_.size()), Slot{});
        for (std::size_t i = 0; i < list_.size(); ++i) {
            slots_[slot_of(list_[i].hash)] = slot_for(list_[i].hash, i + 1);
        }
    }

    std::vector<Slot> slots_;  // open addressing; a power of two, at most half of them taken
    std::vector<T> list_;
};

}  // namespace eg::device
