/// When the MDM server was last heard, in a form that survives restarts and clocks that are set.
///
/// Within one boot of the machine only the boot clock counts (CLOCK_BOOTTIME: it can't be set and
/// goes on during suspend). Across boots there is only the wall clock, so the highest wall time
/// ever seen is kept beside it: turning the clock back can't make states younger than they were
/// already known to be.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "proxy/base/units.h"

namespace eg::device {

/// A reading of the clocks.
struct Moment {
    std::array<unsigned char, 16>
        boot{};  // /proc/sys/kernel/random/boot_id, as bytes; zeros: unknown, equal to none
    std::int64_t boottime_ms = 0;  // CLOCK_BOOTTIME
    std::int64_t wall_ms = 0;      // CLOCK_REALTIME, since 1970
    friend bool operator==(const Moment&, const Moment&) = default;
};

struct Contact {
    Moment at;
    std::int64_t highest_wall_ms = 0;  // the highest wall time seen until this was written
    friend bool operator==(const Contact&, const Contact&) = default;
};

/// How long ago the contact was, or nothing if it can't be believed because it lies in the future.
[[nodiscard]] std::optional<Milliseconds> age(const Contact& contact, const Moment& now);

}  // namespace eg::device
