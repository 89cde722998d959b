/// Counts requests a minute under many keys, over all workers: in constant memory and without a
/// lock.
///
/// GCRA: a key has one number, the time at which all that it was granted would be used up at its
/// rate. It may lie a minute ahead, so a minute's worth may come at once. Any thread. 512 KiB; the
/// places of a key share a cache line. Where a line is full of keys that still count, the one that
/// is nearest to its full grant is forgotten: never is somebody refused for want of room.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/keyed_mix.h"
#include "proxy/base/units.h"

namespace eg::gate {

class RateTable {
  public:
    RateTable();

    /// Counts a request under `key` if the rate permits it, and returns 0; else returns how long it
    /// is until it does. `key`: evenly spread bits that strangers can't foresee. `a_minute`: not 0.
    [[nodiscard]] Milliseconds take(std::uint64_t key, unsigned a_minute, std::int64_t now_ms);

    [[nodiscard]] const KeyedMix& mix() const { return mix_; }
    /// A key for a credential as the Authorization field has it. Made of its last bytes, where the
    /// password or the signature of a token stands.
    [[nodiscard]] std::uint64_t key_of(std::string_view credential) const;

  private:
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kSets = 8'192;
    struct alignas(64) Set {
        // Above, kTagBits of the key; below, the time. 0 = free.
        std::array<std::atomic<std::uint64_t>, kWays> ways{};
    };
    KeyedMix mix_;
    std::unique_ptr<std::array<Set, kSets>> sets_;
};

}  // namespace eg::gate
