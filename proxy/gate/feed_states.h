/// The states of one identity: which table is in force, since when, and that the disk learns of it.
///
/// Thread: the feed's (load() is called before that starts); table(), contact() and age() from
/// any. What takes long, storing and merging, is left to the store's thread. Tables that were
/// replaced are kept until no worker holds them, so that freeing one never falls to a worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/device/contact.h"
#include "proxy/device/feed_document.h"
#include "proxy/gate/device_feed.h"
#include "proxy/gate/feed_store.h"

namespace eg::gate {

class FeedStates {
  public:
    using Clock = std::function<device::Moment()>;
    using Publish = std::function<void(StatesUpdate)>;

    FeedStates(std::string instance, const config::Mdm& mdm, log::Log& log, Publish publish,
               Clock clock);

    /// Takes what the state file holds, if it is whole and its contact is believed.
    void load();
    /// Whether tables are indexed by user, from now on; before load(), or on the feed's thread.
    void index_users(device::UserKey key);
    /// Starts storing. settle() ends it.
    void start();
    /// Another lifetime or another file.
    void change(const config::Mdm& mdm);

    /// Takes a response that was whole; `heard`: when it began. `asked_for_changes`: it had a
    /// cursor.
    [[nodiscard]] Result<void> accept(device::FeedDocument&& document, bool asked_for_changes,
                                      const device::Moment& heard);
    /// Nothing changed since the table in force.
    void confirm(const device::Moment& heard);
    /// At each turn of the feed: keeps the expiry right after a suspend, frees what no worker holds
    /// any more, and has contacts stored and layers merged.
    void tend();
    /// At the end: what the disk doesn't know yet is stored, in bounded time (FeedStore::stop()).
    void settle();

    [[nodiscard]] std::shared_ptr<const device::DeviceTable> table() const;
    /// The cursor of the states in force, if the servers that are configured now gave it. The
    /// feed's thread.
    [[nodiscard]] std::optional<std::string> cursor() const;
    [[nodiscard]] std::shared_ptr<const ContactClock> contact() const { return expiry_; }
    /// Time since the last contact; nothing without states.
    [[nodiscard]] std::optional<Milliseconds> age() const;

  private:
    void set_contact(const device::Moment& heard);
    void put_in_force(StatesUpdate update, const device::Moment& heard);
    void replace_table(StatesUpdate update);
    void update_expiry();
    void raise_wall_time();
    void store(std::optional<FeedStore::Delta> delta);
    void store_contact(std::int64_t now_ms);
    void tend_layers();

    const std::string instance_;
    log::Log& log_;
    const Publish publish_;
    const Clock clock_;
    const std::shared_ptr<ContactClock> expiry_ = std::make_shared<ContactClock>();

    std::string mark_;  // of the servers, before each cursor
    device::UserKey user_key_ = nullptr;
    Milliseconds lifetime_;
    std::string state_file_;
    std::vector<std::shared_ptr<const device::DeviceTable>> retired_;
    bool contact_unstored_ = false;
    std::int64_t contact_stored_ms_ = 0;  // steady_clock

    mutable std::mutex mutex_;  // over the next two
    std::shared_ptr<const device::DeviceTable> table_;
    std::optional<device::Contact> contact_;

    FeedStore store_;
};

}  // namespace eg::gate
