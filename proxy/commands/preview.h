/// `easgate preview`: whom enforcing would cut off, from the access log of instances that observe,
/// or from the running node where there is none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/commands/access_line.h"
#include "proxy/commands/control.h"

namespace eg::commands {

struct PreviewOptions {
    std::string config;
    std::string instance;  // "" = all that observe
    int days = 30;
    bool json = false;
};

/// One user with one device, and why.
struct CutOff {
    std::string instance, user, device_id, reason;
    std::string last_seen;       // as in the log
    std::uint64_t requests = 0;  // that would have been refused for this reason
};

/// Gathers access lines in their order. What counts is how the last request of a user, device and
/// user agent went: whoever has been put right since isn't listed. Bounded; one thread.
class Preview {
  public:
    explicit Preview(std::size_t most = 1'000'000) : most_(most) {}
    void add(const AccessLine& line);
    [[nodiscard]] std::vector<CutOff> list() const;
    /// What the running node had no room for.
    void leave_out(std::uint64_t requests) { left_out_ += requests; }
    /// Combinations beyond the limit, which are missing in the list.
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  private:
    struct Last {
        std::string reason;
        std::string time;
        std::uint64_t requests = 0;
    };
    std::map<std::string, Last>
        by_who_;  // instance, user, device and user agent with a space between
    std::size_t most_;
    std::uint64_t left_out_ = 0;
};

/// 0: nobody, 1: somebody, 2: it can't be told (no configuration; neither log nor node).
int preview(const PreviewOptions& options);

}  // namespace eg::commands
