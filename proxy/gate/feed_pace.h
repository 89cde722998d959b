/// How often and how long the feed asks: pure functions.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "proxy/base/units.h"

namespace eg::gate {

/// The seconds that one poll may be held: 55, or a third of the lifetime; 0 = don't hold it.
[[nodiscard]] inline std::chrono::seconds poll_wait(Milliseconds lifetime) {
    return std::min(std::chrono::seconds(55),
                    std::chrono::duration_cast<std::chrono::seconds>(lifetime / 3));
}

/// The least time from one poll to the next where nothing changed: a server that doesn't hold polls
/// must not be asked in a tight loop, and states of a short life must be confirmed in time.
[[nodiscard]] inline Milliseconds poll_spacing(Milliseconds lifetime) {
    return std::min(Milliseconds(1000), lifetime / 3);
}

/// How long no byte may come beyond poll_wait() until the server counts as gone.
[[nodiscard]] inline std::chrono::seconds patience(Milliseconds lifetime) {
    return std::clamp(std::chrono::duration_cast<std::chrono::seconds>(lifetime / 3),
                      std::chrono::seconds(5), std::chrono::seconds(20));
}

/// The pause after `failures` failed rounds in a row (1, 2 …): doubling from `first`, times 0.5
/// to 1.5 as `dice` (0 to 1) falls, within `first` and `most`.
[[nodiscard]] inline Milliseconds back_off(unsigned failures, double dice, Milliseconds first,
                                           Milliseconds most) {
    const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0, 16U);
    const Milliseconds base = std::min(first * (1U << doublings), most);
    const auto spread = static_cast<double>(base.count()) * (0.5 + dice);
    return std::clamp(Milliseconds(static_cast<std::int64_t>(spread)), first, most);
}

}  // namespace eg::gate
