/// The device states of one identity: immutable, built whole, swapped by pointer.
///
/// A table is a large base and a small overlay of later changes, so that a delta costs what it changes.
/// Shared between threads as shared_ptr<const DeviceTable>; the publisher keeps a reference until the
/// workers have let go, so that a worker never pays for freeing a large table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/device/record.h"

namespace eg::device {

/// `policy` of the feed's first line.
struct FeedPolicy {
    bool only_secure_email = false;
    friend bool operator==(const FeedPolicy&, const FeedPolicy&) = default;
};

/// A record as it lies in the table: views, valid as long as the table.
class RecordView {
  public:
    [[nodiscard]] State state() const;
    [[nodiscard]] std::string_view id() const;
    [[nodiscard]] std::string_view reason() const;
    [[nodiscard]] bool any_user() const;
    /// Calls `use` with each user until it returns true; returns whether one did. No allocation.
    template <typename Use>
    bool any_of_users(Use&& use) const;
    [[nodiscard]] std::vector<std::string> users() const;
    [[nodiscard]] std::vector<KeyHash> keys() const;
    [[nodiscard]] Record copy() const;

  private:
    friend class DeviceTable;
    const unsigned char* data_ = nullptr;
    const void* owner_ = nullptr;
};

class DeviceTable {
  public:
    /// Finds the record that rules over the id of a request (`id`: the bytes as sent, decoded).
    /// The MDM server may have listed a text id as its upper-case hexadecimal; if both spellings are
    /// listed, the one that isn't `allow` rules. Null if neither is listed. Cost: one or two probes,
    /// no allocation for ids of up to 255 bytes.
    [[nodiscard]] std::optional<RecordView> find(std::string_view id) const;

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t count(State state) const;
    [[nodiscard]] std::size_t memory_bytes() const;
    [[nodiscard]] const FeedPolicy& policy() const;
    [[nodiscard]] const std::string& cursor() const;
    void for_each(const std::function<void(const RecordView&)>& use) const;

    /// A 64-bit hash of the canonical id, the same for every table of the process. Indexes held requests.
    [[nodiscard]] static std::uint64_t hash_id(std::string_view id);
};

}  // namespace eg::device
