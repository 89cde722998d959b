/// A table for people: columns aligned, one line a row. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eg::mdm {

class Table {
  public:
    explicit Table(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }

    /// As many cells as there are titles. An empty one is shown as `-`.
    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    /// The titles and what was added, then forgets the rows and the titles; the widths stay, so
    /// that a long list can be printed part by part.
    [[nodiscard]] std::string take();

  private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<std::size_t> widths_;
};

/// `2026-11-22 05:04:53` in local time; `never` for 0.
[[nodiscard]] std::string local_time(std::int64_t epoch_seconds);
/// RFC 3339 in UTC, for programs.
[[nodiscard]] std::string utc_time(std::int64_t epoch_seconds);

}  // namespace eg::mdm
