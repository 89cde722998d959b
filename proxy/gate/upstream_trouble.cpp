#include "proxy/gate/upstream_trouble.h"

#include <utility>

#include <fmt/format.h>

namespace eg::gate {

std::optional<std::string> UpstreamTrouble::fails(const std::string& what, std::int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    if (text_ != what) {
        text_ = what;
    }
    const std::int64_t wait = what == said_ ? kSameAgainMs : kOtherAgainMs;
    if (!said_.empty() && now_ms - said_ms_ < wait) {
        ++unsaid_;
        return std::nullopt;
    }
    said_ = what;
    said_ms_ = now_ms;
    open_ = true;
    const std::uint64_t unsaid = std::exchange(unsaid_, 0);
    return unsaid == 0 ? what
                       : fmt::format("{} ({} more failures since the last line)", what, unsaid);
}

bool UpstreamTrouble::works() {
    const std::lock_guard lock(mutex_);
    text_.clear();
    return std::exchange(open_, false);
}

std::string UpstreamTrouble::get() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

}  // namespace eg::gate
