/// The device states of one identity: immutable, built whole, swapped by pointer.
///
/// A table is a stack of layers: a large one at the bottom and smaller ones of later changes above
/// it, each at least eight times as large as the next. A delta becomes a layer of its own on top,
/// and layers that have grown too alike are merged; so a delta costs what it changes, and a look-up
/// a few probes. Where a merge would take long it is left for later (due_merge()), so that no
/// change waits for it.
///
/// Shared between threads as shared_ptr<const DeviceTable>. Tables share layers, and whoever drops
/// the last reference to a large layer pays for freeing it: tens of milliseconds. That must never
/// be a worker; so the publisher keeps each table that it has replaced until its use_count() is 1,
/// and only then drops it, on its own thread (gate/device_feed does).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/device/record.h"
#include "proxy/device/record_format.h"
#include "proxy/device/user_index.h"

namespace eg::device {

class IdKey;
class Layer;

/// `policy` of the feed's first line.
struct FeedPolicy {
    bool only_secure_email = false;
    friend bool operator==(const FeedPolicy&, const FeedPolicy&) = default;
};

/// A record as it lies in the table: views, valid as long as the table.
class RecordView {
  public:
    [[nodiscard]] State state() const { return static_cast<State>(*data_ & format::kStateMask); }
    [[nodiscard]] std::string_view id() const { return format::read_id(data_); }
    [[nodiscard]] std::string_view reason() const;
    [[nodiscard]] bool any_user() const;
    /// Calls `use` with each user until it returns true; returns whether one did. No allocation.
    template <typename Use>
    bool any_of_users(Use&& use) const;
    [[nodiscard]] std::vector<std::string> users() const;
    [[nodiscard]] std::vector<KeyHash> keys() const;
    [[nodiscard]] Record copy() const;
    /// The packed form (record_format.h).
    [[nodiscard]] std::span<const unsigned char> packed() const;

  private:
    friend class DeviceTable;
    explicit RecordView(const unsigned char* data) : data_(data) {}
    /// At the number of users.
    [[nodiscard]] const unsigned char* users_at() const;

    const unsigned char* data_ = nullptr;
};

class DeviceTable {
  public:
    class Builder;
    class Merge;

    /// Finds the record that rules over the id of a request (`id`: the bytes as sent, decoded).
    /// The MDM server may have listed a text id as its upper-case hexadecimal; if both spellings
    /// are listed, the one that isn't `allow` rules. Null if neither is listed. Cost: one or two
    /// probes a layer, no allocation for ids of up to 255 bytes.
    [[nodiscard]] std::optional<RecordView> find(std::string_view id) const;
    /// The same where the key of the id is known.
    [[nodiscard]] std::optional<RecordView> find(const IdKey& key) const;
    /// Starts to fetch from memory what find() will read first: a large table isn't in the cache.
    void prefetch(const IdKey& key) const;

    /// Devices that are listed.
    [[nodiscard]] std::size_t size() const { return size_; }
    /// Devices in this state; 0 for `removed`.
    [[nodiscard]] std::size_t count(State state) const;
    /// What the table keeps from the system, layers shared with other tables included.
    [[nodiscard]] std::size_t memory_bytes() const;
    [[nodiscard]] const FeedPolicy& policy() const { return policy_; }
    /// Where the feed goes on after this table.
    [[nodiscard]] const std::string& cursor() const { return cursor_; }
    /// Every listed device, in no order that means something.
    void for_each(const std::function<void(const RecordView&)>& use) const;

    /// This table with an index by user, or without one (`key` null). What is indexed already is
    /// kept; so after a delta it costs what that changed. Without one if there is no memory for it.
    [[nodiscard]] std::shared_ptr<const DeviceTable> with_users(UserKey key) const;
    /// Calls `use` with each allowed device that names a user with this key, until it returns true;
    /// returns whether one did. False without an index. No allocation.
    template <typename Use>
    bool any_of_user(std::uint32_t key, Use&& use) const;

    /// The large layers that should become one, or nothing.
    [[nodiscard]] std::optional<Merge> due_merge() const;
    /// This table with the layers of a merge that has run; it says the same as this one. Null if
    /// this table no longer has those layers.
    [[nodiscard]] std::shared_ptr<const DeviceTable> with(const Merge& merge) const;

    /// A 64-bit hash of the canonical id, the same for every table of the process. Indexes held
    /// requests.
    [[nodiscard]] static std::uint64_t hash_id(std::string_view id);

  private:
    DeviceTable() = default;
    [[nodiscard]] const unsigned char* find_key(const IdKey& key) const;
    /// False: no layer has the hexadecimal spelling of a text id of so many bytes.
    [[nodiscard]] bool may_spell(std::size_t bytes) const;
    void put(std::shared_ptr<const Layer> layer);
    void merge_layers();
    /// Whether this layer and the next newer one should be merged.
    [[nodiscard]] bool too_alike(std::size_t older) const;

    std::vector<std::shared_ptr<const Layer>> layers_;     // the oldest and largest first
    std::vector<std::shared_ptr<const UserIndex>> users_;  // of these layers, if there are any
    std::array<std::size_t, 5> counts_{};                  // by State
    std::size_t size_ = 0;
    FeedPolicy policy_;
    std::string cursor_;
};

/// Two neighbouring layers that become one. Any thread may run it while the tables that share the
/// layers are in use and later ones are built.
class DeviceTable::Merge {
  public:
    /// Cost: a second for a million records. False if it was asked to stop or memory is short.
    [[nodiscard]] bool run(const std::stop_token& stop = {});

  private:
    friend class DeviceTable;
    Merge(std::shared_ptr<const Layer> older, std::shared_ptr<const Layer> newer, bool bottom)
        : older_(std::move(older)), newer_(std::move(newer)), bottom_(bottom) {}

    std::shared_ptr<const Layer> older_;
    std::shared_ptr<const Layer> newer_;
    std::shared_ptr<const Layer> merged_;  // once it has run
    bool bottom_ = false;                  // nothing below it: what is removed can go
};

/// Collects records and makes a table of them: `Builder b; b.add(record); auto table =
/// std::move(b).build();` Where an id is added twice, the last one counts.
class DeviceTable::Builder {
  public:
    Builder();
    ~Builder();
    Builder(Builder&&) noexcept;
    Builder& operator=(Builder&&) noexcept;

    /// So many records will come, says whoever sends them; before the first of them.
    void expect(std::uint64_t records);
    void add(const Record& record);
    void add(const RecordParts& record);
    /// A record in its packed form, which format::check() accepted.
    void add_packed(std::span<const unsigned char> record);

    /// False once a record without id, or a larger one than 128 KiB, or more than 4 GiB of them
    /// were added.
    [[nodiscard]] bool ok() const { return ok_; }
    /// How many records were added.
    [[nodiscard]] std::size_t added() const { return added_; }

    /// The records in their packed form, for the state file.
    [[nodiscard]] std::vector<unsigned char> packed() const;

    /// DeviceTable::hash_id of everything that the records so far may rule over: of each id, and
    /// where it may be a text id in hexadecimal, of that text too.
    [[nodiscard]] std::vector<std::uint64_t> hashes() const;

    /// The records are everything there is. Null if not ok(). Cost: none that grows with them.
    [[nodiscard]] std::shared_ptr<const DeviceTable> build(FeedPolicy policy = {},
                                                           std::string cursor = {}) &&;
    /// The records are changes of `before`; `removed` takes a device away. Null if not ok(). Cost:
    /// a look-up in `before` for each.
    [[nodiscard]] std::shared_ptr<const DeviceTable> build_on(const DeviceTable& before,
                                                              FeedPolicy policy,
                                                              std::string cursor) &&;

  private:
    std::shared_ptr<Layer> layer_;
    std::vector<unsigned char> scratch_;   // of one record, kept for its memory
    std::vector<std::string_view> users_;  // likewise
    std::size_t added_ = 0;
    bool ok_ = true;
};

template <typename Use>
bool DeviceTable::any_of_user(std::uint32_t key, Use&& use) const {
    return std::ranges::any_of(users_, [&](const auto& index) {
        return index->any_of(key, [&](const unsigned char* record) {
            const auto ruling = find(format::read_id(record));
            return ruling && ruling->data_ == record && use(*ruling);
        });
    });
}

template <typename Use>
bool RecordView::any_of_users(Use&& use) const {
    const unsigned char* at = users_at();
    for (std::size_t left = format::read_number(at); left > 0; --left) {
        if (use(format::read_text(at))) {
            return true;
        }
    }
    return false;
}

}  // namespace eg::device
