/// Keeps an event that repeats itself from drowning the log. Not thread-safe: the writer's lock
/// guards it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/units.h"

namespace eg::log {

enum class Level : std::uint8_t;

class RateLimit {
  public:
    /// Events of one area and level within a second; a reload that reports many problems must fit.
    static constexpr unsigned kMostPerSecond = 100;
    static constexpr std::size_t kMostKinds = 256;  // areas and levels kept at once

    /// Whether the event may be written.
    [[nodiscard]] bool admit(Level level, std::string_view area, MonotonicTime now);

    struct Omitted {
        Level level;
        std::string area;
        std::uint64_t count;
    };
    /// The kinds whose second is over and that said too much; each is given once.
    [[nodiscard]] std::vector<Omitted> take_omitted(MonotonicTime now);
    /// Whether take_omitted() will have something to say.
    [[nodiscard]] bool any_omitted() const { return any_omitted_; }

  private:
    struct Kind {
        MonotonicTime begin;
        unsigned admitted = 0;
        std::uint64_t omitted = 0;
    };
    std::map<std::pair<Level, std::string>, Kind, std::less<>> kinds_;
    bool any_omitted_ = false;
};

}  // namespace eg::log
