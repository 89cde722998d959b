#include "proxy/gate/feed_states.h"

#include <algorithm>
#include <chrono>

namespace eg::gate {

namespace {

constexpr std::int64_t kContactEveryMs = 1'000;     // contacts go to disk at most so often
constexpr std::int64_t kWallClockEveryMs = 60'000;  // and the wall clock at least so often
constexpr std::int64_t kSaveAgainMs = 10'000;       // after the disk refused
constexpr std::int64_t kComplainEveryMs = 60'000;

std::int64_t steady_ms() {
    return std::chrono::duration_cast<Milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

FeedStates::FeedStates(std::string instance, const config::Mdm& mdm, log::Log& log, Publish publish,
                       Clock clock)
    : instance_(std::move(instance)),
      log_(log),
      publish_(std::move(publish)),
      clock_(std::move(clock)),
      lifetime_(mdm.state_lifetime),
      state_file_(mdm.state_file) {
    file_.emplace(state_file_, instance_);
}

void FeedStates::load() {
    auto loaded = file_->load();
    if (!loaded) {
        log_.event(log::Level::error, "feed", "{}: the state file is not used: {}", instance_,
                   describe(loaded.error()));
        return;
    }
    if (!*loaded) {
        return;
    }
    device::StoredStates& states = **loaded;
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

void FeedStates::change(const config::Mdm& mdm) {
    lifetime_ = mdm.state_lifetime;
    if (mdm.state_file != state_file_) {
        state_file_ = mdm.state_file;
        file_.emplace(state_file_, instance_);
        next_save_ms_ = 0;
    }
    update_expiry();
}

Result<void> FeedStates::accept(device::FeedDocument&& document, bool asked_for_changes,
                                const device::Moment& heard) {
    if (!document.full && !asked_for_changes) {
        return fail(ErrorCode::malformed, Side::upstream, "changes where everything was asked for");
    }
    const auto before = table();
    if (document.full) {
        auto table = std::move(document.records).build(document.policy({}), document.cursor);
        if (table == nullptr) {
            return fail(ErrorCode::unavailable, Side::self, "no memory for the device states");
        }
        put_in_force({.table = std::move(table), .everything = true, .changed = {}}, heard);
        save(std::nullopt);
        return {};
    }
    const std::vector<unsigned char> packed = document.records.packed();
    const device::StateFile::Delta delta{packed, document.records.added()};
    StatesUpdate update;
    // A policy concerns every device.
    update.everything = document.policy(before->policy()) != before->policy();
    update.changed = document.records.hashes();
    update.table = std::move(document.records)
                       .build_on(*before, document.policy(before->policy()), document.cursor);
    if (update.table == nullptr) {
        return fail(ErrorCode::unavailable, Side::self, "no memory for the device states");
    }
    put_in_force(std::move(update), heard);
    save(delta);
    return {};
}

void FeedStates::confirm(const device::Moment& heard) {
    set_contact(heard);
    update_expiry();
    contact_unwritten_ = true;
}

void FeedStates::set_contact(const device::Moment& heard) {
    const std::lock_guard lock(mutex_);
    const std::int64_t highest = contact_ ? contact_->highest_wall_ms : 0;
    contact_ = device::Contact{heard, std::max(highest, heard.wall_ms)};
}

void FeedStates::put_in_force(StatesUpdate update, const device::Moment& heard) {
    set_contact(heard);
    {
        const std::lock_guard lock(mutex_);
        if (table_ != nullptr) {
            retired_.push_back(std::move(table_));
        }
        table_ = update.table;
    }
    // The table first: states that were too old must not look fresh before the new ones are there.
    publish_(std::move(update));
    update_expiry();
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
    const std::int64_t now = steady_ms();
    if (table_ == nullptr) {
        return;
    }
    if (!file_->in_step() && now >= next_save_ms_) {
        save(std::nullopt);
    }
    const bool contact_due = contact_unwritten_ && now - contact_written_ms_ >= kContactEveryMs;
    if (file_->in_step() && (contact_due || now - contact_written_ms_ >= kWallClockEveryMs) &&
        now >= next_save_ms_) {
        write_contact(now);
    }
}

void FeedStates::settle() {
    if (contact_unwritten_ && file_->in_step()) {
        write_contact(steady_ms());
    }
}

void FeedStates::save(const std::optional<device::StateFile::Delta>& delta) {
    const std::int64_t now = steady_ms();
    const bool refused_lately = !file_->in_step() && now < next_save_ms_;
    if (refused_lately) {
        return;  // tend() tries again
    }
    if (const auto saved = file_->save(*table_, delta, *contact_); !saved) {
        disk_failed("the state file", saved.error(), now);
        return;
    }
    contact_unwritten_ = false;
    contact_written_ms_ = now;
}

void FeedStates::write_contact(std::int64_t now_ms) {
    {
        const std::lock_guard lock(mutex_);
        contact_->highest_wall_ms = std::max(contact_->highest_wall_ms, clock_().wall_ms);
    }
    if (const auto written = file_->confirm(*contact_); !written) {
        disk_failed("the time of contact", written.error(), now_ms);
        return;
    }
    contact_unwritten_ = false;
    contact_written_ms_ = now_ms;
}

void FeedStates::disk_failed(std::string_view what, const Error& error, std::int64_t now_ms) {
    next_save_ms_ = now_ms + kSaveAgainMs;
    if (now_ms >= next_complaint_ms_) {
        next_complaint_ms_ = now_ms + kComplainEveryMs;
        log_.event(log::Level::error, "feed",
                   "{}: {} can't be written, mail goes on with the states in memory: {}", instance_,
                   what, describe(error));
    }
}

std::shared_ptr<const device::DeviceTable> FeedStates::table() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

std::optional<Milliseconds> FeedStates::age() const {
    const std::lock_guard lock(mutex_);
    return contact_ ? device::age(*contact_, clock_()) : std::nullopt;
}

}  // namespace eg::gate
