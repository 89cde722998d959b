#include "proxy/gate/feed_states.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "proxy/device/state_format.h"

namespace eg::gate {

namespace {

constexpr std::int64_t kContactEveryMs = 1'000;     // contacts go to disk at most so often
constexpr std::int64_t kWallClockEveryMs = 60'000;  // and the wall clock at least so often

/// A worker looks up held requests for each change that is named. So many take it a millisecond;
/// where there are more it goes through all held requests, bit by bit.
constexpr std::size_t kMostNamedChanges = 4'096;

std::int64_t steady_ms() {
    return std::chrono::duration_cast<Milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Stands before each cursor in a table: a cursor means something to the servers that gave it only.
std::string mark_of(const std::vector<std::string>& urls) {
    device::Digest digest;
    for (const std::string& url : urls) {
        digest.add(device::format::as_bytes(url));
        digest.add(device::format::as_bytes("\n"));
    }
    const device::Sum sum = digest.finish();
    static_assert(device::format::kMostMarkBytes == 9);
    return fmt::format("{:02x}{:02x}{:02x}{:02x} ", sum[0], sum[1], sum[2], sum[3]);
}

}  // namespace

FeedStates::FeedStates(std::string instance, const config::Mdm& mdm, log::Log& log, Publish publish,
                       Clock clock)
    : instance_(std::move(instance)),
      log_(log),
      publish_(std::move(publish)),
      clock_(std::move(clock)),
      mark_(mark_of(mdm.urls)),
      lifetime_(mdm.state_lifetime),
      state_file_(mdm.state_file),
      store_(instance_, state_file_, log) {}

void FeedStates::index_users(device::UserKey key) {
    if (user_key_ == key) {
        return;
    }
    user_key_ = key;
    if (const auto now = table()) {
        replace_table({.table = now->with_users(key), .everything = false, .changed = {}});
    }
}

void FeedStates::load() {
    auto loaded = store_.load();
    if (!loaded) {
        log_.event(log::Level::error, "feed", "{}: the state file is not used: {}", instance_,
                   describe(loaded.error()));
        return;
    }
    if (!*loaded) {
        return;
    }
    device::StoredStates& states = **loaded;
    if (user_key_ != nullptr) {
        states.table = states.table->with_users(user_key_);
    }
    const auto age = device::age(states.contact, clock_());
    if (!age) {
        log_.event(log::Level::error, "feed",
                   "{}: the state file is not used: its last contact lies in the future",
                   instance_);
        return;
    }
    log_.event(*age < lifetime_ ? log::Level::info : log::Level::warning, "feed",
               "{}: {} devices from the state file, last contact {} s ago", instance_,
               states.table->size(), age->count() / 1000);
    {
        const std::lock_guard lock(mutex_);
        table_ = states.table;
        contact_ = states.contact;
    }
    publish_({.table = states.table, .everything = true, .changed = {}});
    update_expiry();
}

void FeedStates::start() {
    store_.start();
}

void FeedStates::change(const config::Mdm& mdm) {
    mark_ = mark_of(mdm.urls);
    lifetime_ = mdm.state_lifetime;
    if (mdm.state_file != state_file_) {
        state_file_ = mdm.state_file;
        store_.move_to(state_file_);
        if (table_ != nullptr) {
            store(std::nullopt);
        }
    }
    update_expiry();
}

Result<void> FeedStates::accept(device::FeedDocument&& document, bool asked_for_changes,
                                const device::Moment& heard) {
    if (!document.full && !asked_for_changes) {
        return fail(ErrorCode::malformed, Side::upstream, "changes where everything was asked for");
    }
    const auto before = table();
    document.cursor.insert(0, mark_);
    if (document.full) {
        auto table = std::move(document.records).build(document.policy({}), document.cursor);
        if (table == nullptr) {
            return fail(ErrorCode::unavailable, Side::self, "no memory for the device states");
        }
        put_in_force({.table = std::move(table), .everything = true, .changed = {}}, heard);
        store(std::nullopt);
        return {};
    }
    FeedStore::Delta delta{document.records.packed(), document.records.added()};
    StatesUpdate update;
    // A policy concerns every device.
    update.everything = document.policy(before->policy()) != before->policy() ||
                        document.records.added() > kMostNamedChanges;
    if (!update.everything) {
        update.changed = document.records.hashes();
    }
    update.table = std::move(document.records)
                       .build_on(*before, document.policy(before->policy()), document.cursor);
    if (update.table == nullptr) {
        return fail(ErrorCode::unavailable, Side::self, "no memory for the device states");
    }
    put_in_force(std::move(update), heard);
    store(std::move(delta));
    return {};
}

void FeedStates::confirm(const device::Moment& heard) {
    set_contact(heard);
    update_expiry();
    contact_unstored_ = true;
}

void FeedStates::set_contact(const device::Moment& heard) {
    const std::lock_guard lock(mutex_);
    const std::int64_t highest = contact_ ? contact_->highest_wall_ms : 0;
    contact_ = device::Contact{heard, std::max(highest, heard.wall_ms)};
}

void FeedStates::put_in_force(StatesUpdate update, const device::Moment& heard) {
    set_contact(heard);
    // The table first: states that were too old must not look fresh before the new ones are there.
    replace_table(std::move(update));
    update_expiry();
}

void FeedStates::replace_table(StatesUpdate update) {
    if (user_key_ != nullptr) {
        update.table = update.table->with_users(user_key_);
    }
    {
        const std::lock_guard lock(mutex_);
        if (table_ != nullptr) {
            retired_.push_back(std::move(table_));
        }
        table_ = update.table;
    }
    publish_(std::move(update));
}

void FeedStates::update_expiry() {
    const auto passed = age();
    if (passed) {
        const std::int64_t at = steady_ms() + (lifetime_ - *passed).count();
        expiry_->set_expiry_ms(std::max<std::int64_t>(at, 1));  // 0 would mean that there are none
    }
}

void FeedStates::tend() {
    update_expiry();
    std::erase_if(retired_, [](const auto& table) { return table.use_count() == 1; });
    if (table_ == nullptr) {
        return;
    }
    const std::int64_t now = steady_ms();
    const std::int64_t since = now - contact_stored_ms_;
    if ((contact_unstored_ && since >= kContactEveryMs) || since >= kWallClockEveryMs) {
        store_contact(now);
    }
    tend_layers();
}

void FeedStates::tend_layers() {
    if (const auto merge = store_.take_merged()) {
        if (auto table = table_->with(*merge)) {
            replace_table({.table = std::move(table), .everything = false, .changed = {}});
        }
    }
    if (auto merge = table_->due_merge()) {
        store_.merge(std::move(*merge));
    }
}

void FeedStates::settle() {
    if (contact_unstored_) {
        store_contact(steady_ms());
    }
    store_.stop();
}

/// Each writing bears a higher wall time than the one before, also while the clock stands behind:
/// so a file that is older than its contact record is always seen (decisions/0007). The states grow
/// older by a millisecond at most.
void FeedStates::raise_wall_time() {
    const std::int64_t now_ms = clock_().wall_ms;
    const std::lock_guard lock(mutex_);
    contact_->highest_wall_ms = std::max(contact_->highest_wall_ms + 1, now_ms);
}

void FeedStates::store(std::optional<FeedStore::Delta> delta) {
    raise_wall_time();
    store_.save(table_, std::move(delta), *contact_);
    // The contact record follows soon: it binds the time to these states, so that a file that is
    // cut behind our back doesn't pass for one that has never had them.
    contact_unstored_ = true;
    contact_stored_ms_ = steady_ms();
}

void FeedStates::store_contact(std::int64_t now_ms) {
    raise_wall_time();
    store_.confirm(*contact_);
    contact_unstored_ = false;
    contact_stored_ms_ = now_ms;
}

std::shared_ptr<const device::DeviceTable> FeedStates::table() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

std::optional<std::string> FeedStates::cursor() const {
    const auto now = table();
    if (now == nullptr || !now->cursor().starts_with(mark_)) {
        return std::nullopt;
    }
    return now->cursor().substr(mark_.size());
}

std::optional<Milliseconds> FeedStates::age() const {
    const std::lock_guard lock(mutex_);
    return contact_ ? device::age(*contact_, clock_()) : std::nullopt;
}

}  // namespace eg::gate
