/// The thread behind a Log: takes whole lines from a bounded queue and puts them on the disk.
///
/// Any thread may call; nobody ever waits for the disk. What the disk refuses is counted as lost at
/// once and tried anew with the lines of the next second, so that an outage costs no memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "proxy/log/log.h"

namespace eg::log {

class Writer {
  public:
    explicit Writer(Settings settings);
    /// Writes what is queued; a disk that hangs is left to its thread after two seconds.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void change(Settings settings);
    void reopen();
    /// Queues `count` whole lines, or counts them as lost if the queue is full. Leaves `lines`
    /// empty.
    void submit(std::string& lines, std::size_t count);
    /// Writes an event line unless its kind said too much within the last second.
    void event(Level level, std::string_view area, std::string_view message);

    [[nodiscard]] const Counts& counts() const;
    [[nodiscard]] Level level() const;
    [[nodiscard]] Format format() const;
    [[nodiscard]] std::string node() const;
    /// Grows whenever format() or node() may have changed.
    [[nodiscard]] unsigned generation() const;

  private:
    struct Shared;  // kept by the thread too, which may outlive the Writer on a hanging disk
    static void run(const std::shared_ptr<Shared>& shared);
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace eg::log
