/// Whom enforcing would cut off, as a node that observes has seen it: for `easgate preview` where
/// there is no access log.
///
/// Shared by the workers of an instance; told only while it observes. Bounded, since strangers fill
/// it; lost at a restart.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/base/units.h"

namespace eg::gate {

class CutOffs {
  public:
    /// A request that was let pass: views, valid during the call.
    struct Passed {
        std::string_view user, device_id, user_agent;
        std::string_view reason;  // that would have refused it; "" = none
        WallTime at;
    };
    explicit CutOffs(std::size_t most = 20'000) : most_(most) {}

    /// How the last request of a user, device and user agent went is what counts: whoever has been
    /// put right since is forgotten. Costs nothing but a look at a number while nobody is kept.
    void note(const Passed& passed);
    /// One object a line with the keys of an access line, and `requests`; if some had no room, one
    /// more with `left_out`.
    [[nodiscard]] std::string json_lines(std::string_view instance) const;

  private:
    struct Last {
        std::string reason;
        WallTime at;
        std::uint64_t requests = 0;
    };
    std::size_t most_;
    std::atomic<std::size_t> kept_{0};
    mutable std::mutex mutex_;                      // over the next two
    std::unordered_map<std::string, Last> by_who_;  // user, device and user agent, each with a zero
    std::uint64_t left_out_ = 0;
};

}  // namespace eg::gate
