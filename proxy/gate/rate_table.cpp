#include "proxy/gate/rate_table.h"

#include <algorithm>
#include <limits>

#include "proxy/base/words.h"

namespace eg::gate {

namespace {

// Times are sixteenths of a millisecond, of which 40 bits last for two years: they are compared
// around their end, and what lies further ahead than a grant may is one of long ago.
constexpr unsigned kTimeBits = 40;
constexpr unsigned kTicksPerMs = 16;
constexpr std::int64_t kMinute = 60'000 * kTicksPerMs;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
constexpr int kAttempts = 4;  // against other workers; then the request passes uncounted

/// How far the time in `way` lies ahead of `now`; 0 if it has passed.
std::int64_t ahead(std::uint64_t way, std::uint64_t now) {
    const auto ticks = static_cast<std::int64_t>((way - now) & kTimeMask);
    return ticks > kMinute ? 0 : ticks;
}

}  // namespace

RateTable::RateTable() : sets_(std::make_unique<std::array<Set, kSets>>()) {}

std::uint64_t RateTable::key_of(std::string_view credential) const {
    constexpr std::size_t kWord = words::kBytes;
    if (credential.size() < 2 * kWord) {
        const std::size_t half = std::min(credential.size(), kWord - 1);
        return mix_(words::load_some(credential.data(), half),
                    words::load_some(credential.data() + half,
                                     std::min(credential.size() - half, kWord - 1)));
    }
    const char* end = credential.data() + credential.size();
    return mix_(words::load(end - 2 * kWord), words::load(end - kWord));
}

Milliseconds RateTable::take(std::uint64_t key, unsigned a_minute, std::int64_t now_ms) {
    const std::uint64_t tag = std::max<std::uint64_t>(key >> kTimeBits, 1);
    const std::uint64_t now = static_cast<std::uint64_t>(now_ms) * kTicksPerMs;
    const std::int64_t step = std::max<std::int64_t>(kMinute / a_minute, 1);
    auto& ways = (*sets_)[key % kSets].ways;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        std::atomic<std::uint64_t>* place = nullptr;
        std::uint64_t old = 0;
        std::int64_t least = std::numeric_limits<std::int64_t>::max();
        std::int64_t used = 0;
        // A key has a first choice, so that it is mostly found at once.
        for (std::size_t i = 0; i < kWays; ++i) {
            auto& way = ways[(key / kSets + i) % kWays];
            const std::uint64_t value = way.load(std::memory_order_relaxed);
            if (value >> kTimeBits == tag) {
                place = &way;
                old = value;
                used = ahead(value, now);
                break;
            }
            const std::int64_t left = value == 0 ? -1 : ahead(value, now);
            if (left < least) {
                least = left;
                place = &way;
                old = value;
            }
        }
        if (used + step > kMinute) {
            return Milliseconds((used + step - kMinute + kTicksPerMs - 1) / kTicksPerMs);
        }
        const std::uint64_t time = (now + static_cast<std::uint64_t>(used + step)) & kTimeMask;
        if (place->compare_exchange_strong(old, tag << kTimeBits | time,
                                           std::memory_order_relaxed)) {
            break;
        }
    }
    return Milliseconds(0);
}

}  // namespace eg::gate
