/// The counters of a node, and their Prometheus text.
///
/// Each worker has counters of its own for each instance and is their only writer: an increment is
/// a plain load and store, no lock and no locked instruction. Readers on any thread sum over the
/// workers; what they see is at most an instant old. Counters live as long as the Metrics, also
/// over reloads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "filters/verdict.h"

namespace eg::gate {

/// Goes up only. One writer thread.
class Counter {
  public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. One writer thread.
class Gauge {
  public:
    void add(std::int64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::int64_t n = 1) { add(-n); }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

/// How long things took, in fixed buckets. One writer thread.
class Histogram {
  public:
    /// Upper bounds of the buckets; what is longer goes into one more.
    static constexpr std::array<std::chrono::milliseconds, 15> kBounds = {
        std::chrono::milliseconds{1},     std::chrono::milliseconds{2},
        std::chrono::milliseconds{5},     std::chrono::milliseconds{10},
        std::chrono::milliseconds{20},    std::chrono::milliseconds{50},
        std::chrono::milliseconds{100},   std::chrono::milliseconds{200},
        std::chrono::milliseconds{500},   std::chrono::milliseconds{1000},
        std::chrono::milliseconds{2000},  std::chrono::milliseconds{5000},
        std::chrono::milliseconds{10000}, std::chrono::milliseconds{30000},
        std::chrono::milliseconds{60000}};

    void record(std::chrono::microseconds duration);
    /// Not cumulative; the last is what is above all bounds.
    [[nodiscard]] std::uint64_t bucket(std::size_t i) const { return buckets_.at(i).value(); }
    [[nodiscard]] std::uint64_t sum_us() const { return sum_us_.value(); }

  private:
    std::array<Counter, kBounds.size() + 1> buckets_;
    Counter sum_us_;
};

/// How a TLS handshake with a client ended.
enum class Handshake : std::uint8_t {
    full,         // a new TLS session
    resumed,      // by a ticket
    certificate,  // no client certificate, or one that isn't accepted
    timed_out,
    failed,  // anything else: no common version, a hang-up, not TLS at all
};
inline constexpr std::size_t kHandshakes = 5;
[[nodiscard]] std::string_view to_string(Handshake result);

inline constexpr std::size_t kReasons = static_cast<std::size_t>(filters::Reason::client_left) + 1;

/// Of one instance on one worker; written by that worker only. Held connections count as client and
/// upstream connections too.
struct alignas(64) InstanceMetrics {
    /// One finished request; `allowed`: the filters let it pass, whatever became of it then.
    void count_request(bool allowed, filters::Reason reason) {
        (allowed ? allowed_requests : refused_requests)[static_cast<std::size_t>(reason)].add();
    }
    void count_handshake(Handshake result) { handshakes[static_cast<std::size_t>(result)].add(); }

    std::array<Counter, kReasons> allowed_requests;
    std::array<Counter, kReasons> refused_requests;
    std::array<Counter, kHandshakes> handshakes;
    Counter connections_accepted;
    Gauge client_connections;
    Gauge upstream_connections;  // connecting, in use, or idle
    Gauge held;
    Counter client_bytes_in;  // of requests, heads included
    Counter client_bytes_out;
    Counter upstream_bytes_in;
    Counter upstream_bytes_out;
    Counter upstream_connects;
    Counter upstream_connect_failures;
    Counter upstream_reuses;
    Counter upstream_retries;
    Counter held_overlaps;           // of a device that waits in two places at once
    Counter held_ended_by_change;    // ended because the states of their device changed
    Counter traveler_forwarded;      // Traveler requests without a device id that passed
    Counter traveler_refused;        // and those that didn't for that reason
    Counter spooled;                 // bodies of unknown length that were kept until it was known
    Counter spooled_files;           // those of them that went to a file
    Counter autodiscover_answered;   // by a document of ours
    Counter autodiscover_forwarded;  // to the mail server
    Histogram request_time;   // first byte of the head to last byte of the answer; held ones too
    Histogram upstream_time;  // end of the request sent to the head of the answer
};

/// Of one worker, whatever the instance.
struct alignas(64) WorkerMetrics {
    Counter accept_pauses;        // accepting stopped for want of descriptors or room
    Counter connections_refused;  // closed at once: their address is far above its limit
};

/// The sums over all workers at one instant.
struct InstanceTotals {
    std::string instance;
    std::array<std::uint64_t, kReasons> allowed{};
    std::array<std::uint64_t, kReasons> refused{};
    std::array<std::uint64_t, kHandshakes> handshakes{};
    std::uint64_t connections_accepted = 0;
    std::int64_t client_connections = 0;
    std::int64_t upstream_connections = 0;
    std::int64_t held = 0;
    std::uint64_t client_bytes_in = 0;
    std::uint64_t client_bytes_out = 0;
    std::uint64_t upstream_bytes_in = 0;
    std::uint64_t upstream_bytes_out = 0;
    std::uint64_t upstream_connects = 0;
    std::uint64_t upstream_connect_failures = 0;
    std::uint64_t upstream_reuses = 0;
    std::uint64_t upstream_retries = 0;
    std::uint64_t held_overlaps = 0;
    std::uint64_t held_ended_by_change = 0;
    std::uint64_t traveler_forwarded = 0;
    std::uint64_t traveler_refused = 0;
    std::uint64_t spooled = 0;
    std::uint64_t spooled_files = 0;
    std::uint64_t autodiscover_answered = 0;
    std::uint64_t autodiscover_forwarded = 0;
    struct Times {
        std::array<std::uint64_t, Histogram::kBounds.size() + 1> buckets{};  // not cumulative
        std::uint64_t sum_us = 0;
    };
    Times request_time;
    Times upstream_time;
};

struct WorkerTotals {
    std::uint64_t accept_pauses = 0;
    std::uint64_t connections_refused = 0;
};

class Metrics {
  public:
    Metrics() = default;
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// The counters of an instance on a worker, made at first use; the reference stays good as long
    /// as the Metrics. Takes a lock: call it when a snapshot is built, not for each request.
    [[nodiscard]] InstanceMetrics& of(std::size_t worker, std::string_view instance);
    [[nodiscard]] WorkerMetrics& of_worker(std::size_t worker);

    /// Sums of all instances that ever were, by name; any thread.
    [[nodiscard]] std::vector<InstanceTotals> totals() const;
    /// Of one instance; zeros if it is unknown.
    [[nodiscard]] InstanceTotals totals(std::string_view instance) const;
    [[nodiscard]] WorkerTotals worker_totals() const;

  private:
    using PerWorker = std::map<std::size_t, std::unique_ptr<InstanceMetrics>>;
    mutable std::mutex mutex_;  // of the maps, not of the counters
    std::map<std::string, PerWorker, std::less<>> instances_;
    std::map<std::size_t, std::unique_ptr<WorkerMetrics>> workers_;
};

}  // namespace eg::gate
