/// What `easgate check` has found, in the order of the checks. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/problem.h"

namespace eg::commands {

enum class Outcome : unsigned char { ok, warning, failed };

struct Finding {
    Outcome outcome = Outcome::ok;
    std::string check;    // what was checked: `certificate`, `port`
    std::string subject;  // of what: a file, an address
    std::string detail;   // why, and what to do
};

class CheckReport {
  public:
    void add(Outcome outcome, std::string_view check, std::string subject, std::string detail = {});
    /// The problems of the configuration file; warnings become findings too.
    void add(const config::Problems& problems);

    [[nodiscard]] int count(Outcome outcome) const;
    /// `failed  certificate    /etc/easgate/key.pem: …`, a line a finding, and a summary.
    [[nodiscard]] std::string text() const;
    /// One object: `{"checks": […], "problems": […], "ok": 3, "warnings": 0, "failed": 1}`.
    [[nodiscard]] std::string json() const;

  private:
    std::vector<Finding> findings_;
    config::Problems problems_;
};

}  // namespace eg::commands
