#include "proxy/gate/metrics.h"

#include <algorithm>

namespace eg::gate {
namespace {

template <std::size_t N>
void add_all(std::array<std::uint64_t, N>& sums, const std::array<Counter, N>& counters) {
    for (std::size_t i = 0; i < N; ++i) {
        sums[i] += counters[i].value();
    }
}

void add_times(InstanceTotals::Times& sums, const Histogram& histogram) {
    for (std::size_t i = 0; i < sums.buckets.size(); ++i) {
        sums.buckets[i] += histogram.bucket(i);
    }
    sums.sum_us += histogram.sum_us();
}

void add_instance(InstanceTotals& sums, const InstanceMetrics& one) {
    add_all(sums.allowed, one.allowed_requests);
    add_all(sums.refused, one.refused_requests);
    add_all(sums.handshakes, one.handshakes);
    sums.connections_accepted += one.connections_accepted.value();
    sums.client_connections += one.client_connections.value();
    sums.upstream_connections += one.upstream_connections.value();
    sums.held += one.held.value();
    sums.client_bytes_in += one.client_bytes_in.value();
    sums.client_bytes_out += one.client_bytes_out.value();
    sums.upstream_bytes_in += one.upstream_bytes_in.value();
    sums.upstream_bytes_out += one.upstream_bytes_out.value();
    sums.upstream_connects += one.upstream_connects.value();
    sums.upstream_connect_failures += one.upstream_connect_failures.value();
    sums.upstream_reuses += one.upstream_reuses.value();
    sums.upstream_retries += one.upstream_retries.value();
    sums.held_overlaps += one.held_overlaps.value();
    sums.held_ended_by_change += one.held_ended_by_change.value();
    sums.traveler_forwarded += one.traveler_forwarded.value();
    sums.traveler_refused += one.traveler_refused.value();
    sums.spooled += one.spooled.value();
    sums.spooled_files += one.spooled_files.value();
    sums.autodiscover_answered += one.autodiscover_answered.value();
    sums.autodiscover_forwarded += one.autodiscover_forwarded.value();
    add_times(sums.request_time, one.request_time);
    add_times(sums.upstream_time, one.upstream_time);
}

template <typename PerWorker>
InstanceTotals sum(std::string_view name, const PerWorker& workers) {
    InstanceTotals sums;
    sums.instance = name;
    for (const auto& [index, one] : workers) {
        add_instance(sums, *one);
    }
    return sums;
}

}  // namespace

void Histogram::record(std::chrono::microseconds duration) {
    const auto bound = std::ranges::lower_bound(kBounds, duration);
    buckets_[static_cast<std::size_t>(bound - kBounds.begin())].add();
    sum_us_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
}

std::string_view to_string(Handshake result) {
    constexpr std::array<std::string_view, kHandshakes> kWords = {"full", "resumed", "certificate",
                                                                  "timed_out", "failed"};
    return kWords.at(static_cast<std::size_t>(result));
}

InstanceMetrics& Metrics::of(std::size_t worker, std::string_view instance) {
    const std::scoped_lock lock(mutex_);
    auto found = instances_.find(instance);
    if (found == instances_.end()) {
        found = instances_.emplace(std::string(instance), PerWorker{}).first;
    }
    std::unique_ptr<InstanceMetrics>& one = found->second[worker];
    if (one == nullptr) {
        one = std::make_unique<InstanceMetrics>();
    }
    return *one;
}

WorkerMetrics& Metrics::of_worker(std::size_t worker) {
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<WorkerMetrics>& one = workers_[worker];
    if (one == nullptr) {
        one = std::make_unique<WorkerMetrics>();
    }
    return *one;
}

std::vector<InstanceTotals> Metrics::totals() const {
    const std::scoped_lock lock(mutex_);
    std::vector<InstanceTotals> result;
    result.reserve(instances_.size());
    for (const auto& [name, workers] : instances_) {
        result.push_back(sum(name, workers));
    }
    return result;
}

InstanceTotals Metrics::totals(std::string_view instance) const {
    const std::scoped_lock lock(mutex_);
    const auto found = instances_.find(instance);
    if (found == instances_.end()) {
        InstanceTotals zeros;
        zeros.instance = instance;
        return zeros;
    }
    return sum(instance, found->second);
}

WorkerTotals Metrics::worker_totals() const {
    const std::scoped_lock lock(mutex_);
    WorkerTotals sums;
    for (const auto& [index, one] : workers_) {
        sums.accept_pauses += one->accept_pauses.value();
        sums.connections_refused += one->connections_refused.value();
    }
    return sums;
}

}  // namespace eg::gate
