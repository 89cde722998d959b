#include "proxy/device/contact.h"

#include <algorithm>

namespace eg::device {

std::optional<Milliseconds> age(const Contact& contact, const Moment& now) {
    const bool boot_known = now.boot != decltype(now.boot){};
    if (boot_known && contact.at.boot == now.boot) {
        if (now.boottime_ms < contact.at.boottime_ms) {
            return std::nullopt;
        }
        return Milliseconds(now.boottime_ms - contact.at.boottime_ms);
    }
    if (now.wall_ms < contact.at.wall_ms) {
        return std::nullopt;
    }
    return Milliseconds(std::max(now.wall_ms, contact.highest_wall_ms) - contact.at.wall_ms);
}

}  // namespace eg::device
