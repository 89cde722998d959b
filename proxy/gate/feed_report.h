/// What was seen, on its way to the MDM server: at most one report in a while, a failed one again
/// with the next, nothing older than an hour (docs/mdm-api.md).
///
/// observe() and the counters: any thread, and nobody waits there while sightings are merged or a
/// report is written. The rest: the feed's.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/units.h"
#include "proxy/device/sighting.h"

namespace eg::gate {

/// The last line of a report.
struct NodeFacts {
    std::string node;
    std::string instance;
    std::size_t devices = 0;
};

class FeedReport {
  public:
    struct Pace {
        Milliseconds interval{30'000};  // from one report to the next
        Milliseconds gather{5'000};     // workers hand over their sightings at different moments
        Milliseconds keep{3'600'000};  // what couldn't be sent so long after it was seen is dropped
    };
    explicit FeedReport(Pace pace) : pace_(pace) {}

    /// Takes all that the table holds, or nothing while too much waits to be gathered. True if the
    /// feed should look at due().
    bool observe(device::SightingTable& seen, MonotonicTime now);
    /// Merges what was observed since. Bounded: what is over the limit is dropped and counted.
    void gather();

    /// When the next report should leave; nothing if there is nothing to report.
    [[nodiscard]] std::optional<MonotonicTime> due() const;
    /// The body of a report of all that is there. Ended by ended().
    [[nodiscard]] std::string begin(const NodeFacts& facts, MonotonicTime now, WallTime wall);
    void ended(bool accepted);

    /// Devices in reports that were accepted, and those that were dropped.
    [[nodiscard]] std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    using Sightings = device::Sightings;

    void merge(Sightings& sightings);
    void merge_all(std::vector<Sightings> lists);
    /// Under the mutex.
    [[nodiscard]] std::vector<Sightings> take_waiting();

    const Pace pace_;
    mutable std::mutex mutex_;        // over the next four
    std::vector<Sightings> waiting_;  // for gather()
    std::size_t waiting_size_ = 0;    // sightings in them
    std::vector<Sightings> spare_;    // empty; their memory goes back to who observes
    std::optional<MonotonicTime> fresh_since_;
    device::SightingTable fresh_;
    Sightings leaving_;    // in the report that is under way, or that failed
    bool failed_ = false;  // the last one
    std::optional<MonotonicTime> last_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
};

/// Appends one line of a report, with its line feed. Bytes that are no text go as their upper-case
/// hexadecimal (ids) or byte by byte as Latin-1 (the rest).
void append_sighting(std::string& line, const device::Sighting& sighting,
                     const device::Description& description);
void append_facts(std::string& line, const NodeFacts& facts);

}  // namespace eg::gate
