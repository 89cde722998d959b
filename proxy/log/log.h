/// The log of a program: access lines and events go to one daily file, written by a thread of its
/// own.
///
/// Thread: the Log is made and ended by the control thread; each worker has a LogSink of its own,
/// and event() may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "proxy/log/access.h"

namespace eg::log {

enum class Level : std::uint8_t { debug, info, warning, error };

struct Settings {
    std::string directory;                   // "" = standard error (mdm in the foreground, tests)
    std::string file_name = "EASProxy.log";  // the date is appended: EASProxy.log.2026-11-22
    std::string node;
    Level level = Level::info;
    Format format = Format::text;
    std::size_t queue_bytes = std::size_t{8} * 1024 * 1024;  // waiting for the disk; more is lost
};

/// Counts kept for metrics; any thread may read them.
struct Counts {
    std::atomic<std::uint64_t> lines{0};         // written
    std::atomic<std::uint64_t> lost{0};          // queue full, or the disk refused
    std::atomic<std::uint64_t> write_errors{0};  // failed attempts to open or write
    std::atomic<std::uint64_t> omitted{0};       // events of a kind that said too much
};

class Writer;  // the thread and its bounded queue

class Log {
  public:
    explicit Log(Settings settings);
    ~Log();  // writes what is queued, bounded in time
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// New level, format, directory; lines queued before are written as they were.
    void change(Settings settings);
    /// Opens the file anew at the next write (SIGUSR1, SIGHUP). A file that was renamed or deleted
    /// is noticed without it.
    void reopen();

    /// One event line: RFC 3339 time, level, node, area, message. Dropped if below the level, or if
    /// the same area and level said too much within a second (what was dropped is counted and
    /// said). Never blocks on the disk.
    template <typename... Args>
    void event(Level level, std::string_view area, fmt::format_string<Args...> text,
               Args&&... args) {
        if (enabled(level)) {
            write_event(level, area, fmt::format(text, std::forward<Args>(args)...));
        }
    }
    [[nodiscard]] bool enabled(Level level) const;
    [[nodiscard]] const Counts& counts() const;

    /// Hands over a batch of whole lines (of a LogSink). Moves out of `lines` and leaves it empty.
    void submit(std::string& lines, std::size_t count);
    [[nodiscard]] Format format() const;
    [[nodiscard]] std::string node() const;
    /// Grows whenever format() or node() may have changed.
    [[nodiscard]] unsigned generation() const;

  private:
    void write_event(Level level, std::string_view area, const std::string& message);
    std::unique_ptr<Writer> writer_;
};

/// Batches the access lines of one worker: a line costs no lock; the batch is handed over when it
/// is large, or when flush() is called (each turn that is due, at most 200 ms apart).
class LogSink {
  public:
    explicit LogSink(Log& log) : log_(log) {}
    ~LogSink() { flush(); }
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    /// The line bears the time at which the transaction ended.
    void access(const AccessRecord& record);
    void flush();
    [[nodiscard]] bool empty() const { return count_ == 0; }

  private:
    Log& log_;
    std::string batch_;
    std::size_t count_ = 0;
    std::string node_;  // as of generation_
    Format format_ = Format::text;
    unsigned generation_ = 0;
};

}  // namespace eg::log
