#include "proxy/log/rate_limit.h"

namespace eg::log {
namespace {

constexpr std::chrono::seconds kWindow{1};

}  // namespace

bool RateLimit::admit(Level level, std::string_view area, MonotonicTime now) {
    auto key = std::pair(level, std::string(area));
    auto found = kinds_.find(key);
    if (found == kinds_.end()) {
        if (kinds_.size() >= kMostKinds) {
            std::erase_if(kinds_, [now](const auto& entry) {
                return entry.second.omitted == 0 && now - entry.second.begin >= kWindow;
            });
        }
        if (kinds_.size() >= kMostKinds) {
            return true;  // areas are words of our own; so many mean a mistake, not a flood
        }
        found = kinds_.emplace(std::move(key), Kind{.begin = now}).first;
    }
    Kind& kind = found->second;
    // While something is omitted, the window stays until take_omitted() has told it.
    if (now - kind.begin >= kWindow && kind.omitted == 0) {
        kind = Kind{.begin = now};
    }
    if (kind.admitted < kMostPerSecond) {
        ++kind.admitted;
        return true;
    }
    ++kind.omitted;
    any_omitted_ = true;
    return false;
}

std::vector<RateLimit::Omitted> RateLimit::take_omitted(MonotonicTime now) {
    std::vector<Omitted> result;
    any_omitted_ = false;
    for (auto& [key, kind] : kinds_) {
        if (kind.omitted == 0) {
            continue;
        }
        if (now - kind.begin >= kWindow) {
            result.push_back({key.first, key.second, kind.omitted});
            kind = Kind{.begin = now};
        } else {
            any_omitted_ = true;
        }
    }
    return result;
}

}  // namespace eg::log
