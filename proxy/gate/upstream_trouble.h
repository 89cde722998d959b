/// The trouble of an instance with its mail server: the last of it for `easgate status`, and what
/// of it the log is told, so that a server that fails each request doesn't fill the disk.
///
/// Any thread; takes a lock, so it is asked on trouble only. Times are monotonic milliseconds.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace eg::gate {

class UpstreamTrouble {
  public:
    /// The same trouble is said again so late, another one so soon.
    static constexpr std::int64_t kSameAgainMs = 60'000;
    static constexpr std::int64_t kOtherAgainMs = 10'000;

    /// A request failed. Returns the line for the log, or nothing if that has heard enough;
    /// failures that weren't said are counted in the next line.
    [[nodiscard]] std::optional<std::string> fails(const std::string& what, std::int64_t now_ms);
    /// A request was answered. Returns whether the log should hear of it: it was told of trouble.
    [[nodiscard]] bool works();
    /// The trouble there is now; "" = none.
    [[nodiscard]] std::string get() const;

  private:
    mutable std::mutex mutex_;  // over all below
    std::string text_;
    std::string said_;
    std::int64_t said_ms_ = 0;  // meaningless while said_ is empty
    std::uint64_t unsaid_ = 0;
    bool open_ = false;  // said, and its end not yet
};

}  // namespace eg::gate
