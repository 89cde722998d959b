#include "proxy/gate/feed_store.h"

#include <algorithm>
#include <utility>

namespace eg::gate {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTryAgain{10};  // after the disk refused
constexpr std::chrono::seconds kComplainAgain{60};
constexpr std::chrono::seconds kMergeAgain{60};  // after memory was short

/// Joined changes take memory until they are on disk; when there are more, the table is written
/// whole.
constexpr std::size_t kMostJoinedBytes = std::size_t{16} * 1024 * 1024;

/// Nothing stays of `change` where the result isn't known any more.
std::optional<FeedStore::Delta> join(std::optional<FeedStore::Delta> before,
                                     std::optional<FeedStore::Delta> change) {
    if (!before || !change || before->packed.size() + change->packed.size() > kMostJoinedBytes) {
        return std::nullopt;
    }
    // The last record of an id counts, in a joined change as well.
    before->packed.insert(before->packed.end(), change->packed.begin(), change->packed.end());
    before->records += change->records;
    return before;
}

}  // namespace

FeedStore::FeedStore(std::string instance, const std::string& state_file, log::Log& log)
    : instance_(std::move(instance)), log_(log) {
    file_.emplace(state_file, instance_);
}

FeedStore::~FeedStore() {
    stop();
}

Result<std::optional<device::StoredStates>> FeedStore::load() {
    return file_->load();
}

void FeedStore::start() {
    stopping_ = false;
    ended_ = false;
    no_merge_ = std::stop_source();
    give_up_ = std::stop_source();
    thread_ = std::thread([this] { run(); });
}

void FeedStore::stop() {
    if (!thread_.joinable()) {
        return;
    }
    no_merge_.request_stop();
    {
        Lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        changed_.wait_for(lock, kStopPatience, [this] { return ended_; });
    }
    give_up_.request_stop();
    thread_.join();
}

void FeedStore::move_to(const std::string& state_file) {
    const std::lock_guard lock(mutex_);
    move_to_ = state_file;
    states_.reset();
    contact_.reset();
}

void FeedStore::save(Table table, std::optional<Delta> delta, const device::Contact& contact) {
    const std::lock_guard lock(mutex_);
    if (states_) {
        delta = join(std::move(states_->delta), std::move(delta));
    }
    states_ = States{std::move(table), std::move(delta), contact};
    contact_.reset();
    changed_.notify_all();
}

void FeedStore::confirm(const device::Contact& contact) {
    const std::lock_guard lock(mutex_);
    if (states_) {
        states_->contact = contact;
    }
    // The record follows also where the states bear the contact: it tells if they are cut later.
    contact_ = contact;
    changed_.notify_all();
}

void FeedStore::merge(Merge merge) {
    const std::lock_guard lock(mutex_);
    if (!merging_ && SteadyClock::now() >= merge_again_) {
        merging_ = true;
        merge_wanted_.emplace(std::move(merge));
        changed_.notify_all();
    }
}

std::optional<FeedStore::Merge> FeedStore::take_merged() {
    const std::lock_guard lock(mutex_);
    merging_ = merging_ && !merge_done_;
    return std::exchange(merge_done_, std::nullopt);
}

void FeedStore::run() {
    Lock lock(mutex_);
    for (;;) {
        while (work(lock)) {
        }
        if (stopping_) {
            break;
        }
        sleep(lock);
    }
    ended_ = true;
    changed_.notify_all();
}

void FeedStore::sleep(Lock& lock) {
    const auto now = SteadyClock::now();
    // What the disk refused waits for its time, and nobody wakes us then.
    if (states_ || contact_) {
        changed_.wait_until(lock, std::max(try_again_, now + std::chrono::milliseconds(1)));
    } else {
        changed_.wait(lock);
    }
}

bool FeedStore::work(Lock& lock) {
    if (move_to_) {
        file_.emplace(*move_to_, instance_);
        move_to_.reset();
        try_again_ = {};
    }
    const bool may_try = stopping_ || SteadyClock::now() >= try_again_;
    if (states_ && (may_try || file_->in_step())) {
        return save_states(lock) || !stopping_;
    }
    if (contact_ && !states_ && may_try && file_->in_step()) {
        return save_contact(lock) || !stopping_;
    }
    if (merge_wanted_ && !stopping_) {
        merge_layers(lock);
        return true;
    }
    return false;
}

bool FeedStore::save_states(Lock& lock) {
    States states = std::move(*states_);
    states_.reset();
    lock.unlock();
    std::optional<device::StateFile::Delta> delta;
    if (states.delta) {
        delta = device::StateFile::Delta{states.delta->packed, states.delta->records};
    }
    const Result<void> saved =
        file_->save(*states.table, delta, states.contact, give_up_.get_token());
    if (saved) {
        states = States();  // freeing a table may take long
    } else {
        failed("the state file", saved.error());
    }
    lock.lock();
    if (!saved && !states_ && !move_to_) {
        states_ = std::move(states);
        states_->contact = contact_.value_or(states_->contact);
        contact_.reset();
    }
    return saved.has_value();
}

bool FeedStore::save_contact(Lock& lock) {
    const device::Contact contact = *std::exchange(contact_, std::nullopt);
    lock.unlock();
    const Result<void> written = file_->confirm(contact);
    if (!written) {
        failed("the time of contact", written.error());
    }
    lock.lock();
    if (!written && !states_ && !contact_ && !move_to_) {
        contact_ = contact;
    }
    return written.has_value();
}

void FeedStore::merge_layers(Lock& lock) {
    Merge merge = std::move(*merge_wanted_);
    merge_wanted_.reset();
    lock.unlock();
    const bool merged = merge.run(no_merge_.get_token());
    lock.lock();
    if (!merged) {
        merging_ = false;
        merge_again_ = SteadyClock::now() + kMergeAgain;
        return;
    }
    merge_done_.emplace(std::move(merge));
}

void FeedStore::failed(std::string_view what, const Error& error) {
    const auto now = SteadyClock::now();
    try_again_ = now + kTryAgain;
    if (now >= complain_again_) {
        complain_again_ = now + kComplainAgain;
        log_.event(log::Level::error, "feed",
                   "{}: {} can't be written, mail goes on with the states in memory: {}", instance_,
                   what, describe(error));
    }
}

}  // namespace eg::gate
