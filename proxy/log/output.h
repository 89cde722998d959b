/// The part of the writer's thread that meets the disk: counts what it writes and what it can't.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/log/daily_file.h"
#include "proxy/log/log.h"

namespace eg::log {

/// Whole lines.
struct Batch {
    std::string lines;
    std::size_t count = 0;
};

class Output {
  public:
    explicit Output(Counts& counts) : counts_(counts) {}

    void set_place(const Settings& settings) {
        file_.set_place(settings.directory, settings.file_name);
    }
    void reopen() { file_.close(); }

    /// Whether the disk took them all. What it didn't take is lost.
    [[nodiscard]] bool write(const std::vector<Batch>& batches);
    /// Counts lines that were lost before they got here.
    void lose(std::uint64_t lines);
    /// Puts into the log itself how many lines are missing, once it can be written again.
    void tell_lost(const Settings& settings);

  private:
    [[nodiscard]] bool write_batch(const Batch& batch);
    void fail(int error);

    Counts& counts_;
    DailyFile file_;
    std::uint64_t untold_ = 0;  // lost lines that the log doesn't mention yet
    int error_ = 0;             // errno of the outage; 0 = none, or all is told
};

}  // namespace eg::log
