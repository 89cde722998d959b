#include "proxy/gate/worker_app.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "proxy/base/check.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

namespace {

constexpr std::int64_t kFlushEveryMs = 150;
constexpr std::int64_t kLookEveryMs = 200;
constexpr std::int64_t kReportEveryMs = 1'000;
constexpr std::int64_t kGiveManyEveryMs = 4'000;  // less than FeedReport::Pace::gather
constexpr std::size_t kFewSightings = 64;
constexpr std::size_t kManySightings = 10'000;

std::uint32_t random_number() {
    std::uint32_t number = 0;
    EG_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number) == 1);
    return number;
}

}  // namespace

WorkerApp::WorkerApp(std::size_t index, Shared shared)
    : index_(index),
      shared_(shared),
      worker_(*shared.limit),
      names_(*shared.resolver, worker_.loop()),
      sink_(*shared.log) {
    context_.loop = &worker_.loop();
    context_.buffers = &worker_.buffers();
    context_.names = &names_;
    context_.log = shared.log;
    context_.access = &sink_;
    context_.spool_space = shared.spool_space;
    context_.request_prefix = random_number();
    worker_.on_turn_end([this] { turn_ended(); });
}

WorkerApp::~WorkerApp() {
    stop();
    worker_.close_all();  // before the slots that connections refer to
    services_.clear();
    sink_.flush();
}

void WorkerApp::start() {
    worker_.start(fmt::format("worker-{}", index_));
}

void WorkerApp::stop() {
    worker_.stop();
    worker_.join();
}

void WorkerApp::post_configuration(std::vector<InstanceUpdate> instances, bool log_access) {
    auto shared = std::make_shared<std::vector<InstanceUpdate>>(std::move(instances));
    worker_.post([this, shared, log_access] {
        context_.log_access = log_access;
        apply(*shared);
    });
}

void WorkerApp::post_states(const std::string& instance, std::shared_ptr<const StatesUpdate> update,
                            std::function<void()> taken) {
    worker_.post([this, instance, update = std::move(update), taken = std::move(taken)] {
        Slot& slot = slot_of(instance);
        slot.table = update->table;
        ++slot.states_version;
        taken();
    });
}

void WorkerApp::post_settled(const std::string& instance,
                             std::shared_ptr<const StatesUpdate> update) {
    worker_.post(
        [this, instance, update = std::move(update)] { settle_states(instance, *update); });
}

void WorkerApp::post_drain() {
    worker_.post([this] {
        worker_.close_listeners();
        worker_.drain_connections();
    });
}

void WorkerApp::post_end_held(Milliseconds over) {
    worker_.post([this, over] {
        for (auto& [name, slot] : slots_) {
            slot->ending = {
                .on = true, .began_ms = worker_.loop().now_ms(), .over_ms = over.count()};
        }
    });
}

Slot& WorkerApp::slot_of(const std::string& name) {
    auto& slot = slots_[name];
    if (slot == nullptr) {
        slot = std::make_unique<Slot>();
        slot->name = name;
        slot->metrics = &shared_.metrics->of(index_, name);
    }
    return *slot;
}

void WorkerApp::apply(std::vector<InstanceUpdate>& instances) {
    Services fresh;
    Assignment assignment;
    for (auto& update : instances) {
        const std::string& name = update.instance->settings().name;
        Slot& slot = slot_of(name);
        if (slot.feed.lock() != update.feed) {  // a name that is new, or was gone in between
            slot.table = update.feed->table();
            slot.settled = slot.table;
            ++slot.states_version;
            ++slot.settled_version;
            slot.recheck_slice = 0;
        }
        slot.trouble = update.trouble;
        slot.agents = update.agents;
        slot.traveler_devices = update.traveler_devices;
        slot.shield = update.shield;
        slot.rates = update.rates;
        slot.cut_offs = update.cut_offs;
        slot.bindings = update.bindings;
        slot.feed = update.feed;
        slot.contact = update.feed->contact();
        auto tls = update.instance->upstream_tls();
        // The control thread has made one from the same settings before; only a file that changed
        // in between fails.
        if (!tls) {
            shared_.log->event(log::Level::error, "upstream", "{}", tls.error());
            keep_old(update, fresh, assignment);
            continue;
        }
        auto service =
            std::make_shared<ProxyService>(update.instance, slot, context_, std::move(*tls));
        for (const auto& address : update.instance->settings().listen) {
            assignment.emplace_back(address, service);
        }
        fresh.emplace(name, std::move(service));
    }
    worker_.assign(assignment);
    for (auto& update : instances) {
        const auto found = fresh.find(update.instance->settings().name);
        for (const auto& [address, fd] : update.new_listeners) {
            if (found != fresh.end()) {
                worker_.listen(fd, address, found->second);
            } else {
                ::close(fd);
            }
        }
    }
    for (auto& [name, old] : services_) {
        const auto found = fresh.find(name);
        old->retire(found == fresh.end() ? nullptr : found->second);
        old->pool().clear();
        retired_.push_back(old);
    }
    services_ = std::move(fresh);
}

void WorkerApp::keep_old(const InstanceUpdate& update, Services& fresh, Assignment& assignment) {
    const auto old = services_.find(update.instance->settings().name);
    if (old == services_.end()) {
        return;
    }
    fresh.emplace(old->first, old->second);
    for (const auto& address : old->second->instance().settings().listen) {
        assignment.emplace_back(address, old->second);
    }
    services_.erase(old);  // so that it isn't retired
}

void WorkerApp::settle_states(const std::string& name, const StatesUpdate& update) {
    Slot& slot = slot_of(name);
    slot.settled = update.table;
    ++slot.settled_version;
    if (update.everything) {
        slot.recheck_slice = 0;
        return;
    }
    for (const std::uint64_t device : update.changed) {
        slot.held.for_device(device, [](ProxyTransaction& held) { held.judge_again(); });
    }
}

void WorkerApp::turn_ended() {
    const std::int64_t now_ms = worker_.loop().now_ms();
    for (auto& [name, service] : services_) {
        service->end_turn();
    }
    for (auto& weak : retired_) {
        if (const auto service = weak.lock()) {
            service->end_turn();
        }
    }
    for (auto& [name, slot] : slots_) {
        if (slot->recheck_slice < HeldIndex::kSlices) {
            judge_held_again(*slot);
        }
        if (slot->ending.on) {
            end_due(*slot);
        }
    }
    if (now_ms - flushed_ms_ >= kFlushEveryMs) {
        flushed_ms_ = now_ms;
        sink_.flush();
        open_connections_.store(worker_.connections(), std::memory_order_relaxed);
    }
    if (now_ms - looked_ms_ >= kLookEveryMs) {
        looked_ms_ = now_ms;
        look_after_slots();
    }
    if (now_ms - reported_ms_ >= kReportEveryMs) {
        reported_ms_ = now_ms;
        report_sightings();
    }
}

void WorkerApp::look_after_slots() {
    for (auto& [name, slot] : slots_) {
        if (slot->held.size() != 0 && slot->recheck_slice == HeldIndex::kSlices &&
            slot->age(worker_.loop().now_ms()) != filters::StateAge::fresh) {
            slot->recheck_slice = 0;
        }
    }
    std::erase_if(retired_, [](const auto& weak) { return weak.expired(); });
    const std::uint64_t refusals = worker_.refused();
    shared_.metrics->of_worker(index_).connections_refused.add(refusals - refusals_seen_);
    refusals_seen_ = refusals;
    const std::uint64_t pauses = worker_.accept_pauses();
    if (pauses > pauses_seen_) {
        shared_.metrics->of_worker(index_).accept_pauses.add(pauses - pauses_seen_);
        pauses_seen_ = pauses;
        constexpr std::int64_t kSayEveryMs = 60'000;
        if (said_pause_ms_ != 0 && looked_ms_ - said_pause_ms_ < kSayEveryMs) {
            return;
        }
        said_pause_ms_ = looked_ms_;
        shared_.log->event(log::Level::warning, "accept",
                           "accepting pauses: no free descriptor, or max_connections is reached");
    }
}

void WorkerApp::judge_held_again(Slot& slot) {
    // One slice a turn: with 50,000 held requests some 800 look-ups, far below a millisecond.
    const auto age = slot.age(worker_.loop().now_ms());
    slot.held.for_slice(slot.recheck_slice, [&](ProxyTransaction& held) {
        if (age == filters::StateAge::fresh) {
            held.judge_again();
        } else {
            held.end_held(age == filters::StateAge::stale ? filters::Reason::states_stale
                                                          : filters::Reason::states_missing);
        }
    });
    ++slot.recheck_slice;
    if (slot.recheck_slice < HeldIndex::kSlices) {
        worker_.post([] {});  // the next turn comes at once
    }
}

void WorkerApp::end_due(Slot& slot) {
    auto& ending = slot.ending;
    const std::int64_t passed = worker_.loop().now_ms() - ending.began_ms;
    const std::size_t due = passed >= ending.over_ms
                                ? HeldIndex::kBuckets
                                : HeldIndex::kBuckets * static_cast<std::size_t>(passed) /
                                      static_cast<std::size_t>(ending.over_ms);
    // A slice a turn at most, so that others get theirs.
    const std::size_t to = std::min(due, ending.buckets + HeldIndex::kBuckets / HeldIndex::kSlices);
    const std::size_t from = std::exchange(ending.buckets, to);
    slot.held.for_buckets(from, to,
                          [](ProxyTransaction& held) { held.end_held(filters::Reason::draining); });
    if (to < due) {
        worker_.post([] {});  // the next turn comes at once
    }
}

void WorkerApp::report_sightings() {
    for (auto& [name, slot] : slots_) {
        // Few are handed over at once. Of many, most come again soon and would only replace
        // themselves, so they wait a little; but not until the table is full.
        const std::size_t count = slot->sightings.size();
        const bool many = count >= kFewSightings && count < kManySightings;
        if (count == 0 || (many && reported_ms_ - slot->sightings_given_ms < kGiveManyEveryMs)) {
            continue;
        }
        slot->sightings_given_ms = reported_ms_;
        if (const auto feed = slot->feed.lock()) {
            feed->observe(slot->sightings);
        }
    }
}

void publish_states(const std::vector<std::unique_ptr<WorkerApp>>& workers,
                    const std::string& instance, StatesUpdate update) {
    const auto shared = std::make_shared<const StatesUpdate>(std::move(update));
    const auto missing = std::make_shared<std::atomic<std::size_t>>(workers.size());
    for (const auto& worker : workers) {
        worker->post_states(instance, shared, [&workers, instance, shared, missing] {
            if (missing->fetch_sub(1) != 1) {
                return;
            }
            for (const auto& each : workers) {
                each->post_settled(instance, shared);
            }
        });
    }
}

}  // namespace eg::gate
