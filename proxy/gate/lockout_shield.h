/// What the mail server answered with 401: the same user, device and credential get that answer
/// again from here, so that a phone with an old password asks no directory and locks no account.
///
/// One an instance, shared by its workers; made only where `lockout_shield` is set. Any thread.
/// Asking costs an HMAC, and a short lock of one shard where that isn't empty. Bounded: kMost
/// entries of some 150 bytes. Times are monotonic milliseconds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/units.h"

namespace eg::gate {

class LockoutShield {
  public:
    /// Stands for a credential at one service on one device: a keyed hash of them, from which
    /// nobody gets the credential back. Empty: there is none.
    struct Mark {
        std::array<std::uint64_t, 2> hash{};
        [[nodiscard]] bool empty() const { return hash[0] == 0 && hash[1] == 0; }
        friend bool operator==(const Mark&, const Mark&) = default;
    };
    /// Whom an entry is about, for administrators. `device`: DeviceTable::hash_id(), 0 = none
    /// named.
    struct Subject {
        std::uint64_t device = 0;
        std::string_view device_id;
        std::string_view user;
    };
    /// What an administrator sees of an entry.
    struct Entry {
        std::string user;
        std::string device_id;       // "" = the request named none
        std::uint64_t answered = 0;  // requests that were spared the mail server
        Milliseconds expires_in{};
    };
    static constexpr std::size_t kShards = 64;
    static constexpr std::size_t kBuckets = 4'096;
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kMost = kBuckets * kWays;

    explicit LockoutShield(Milliseconds duration);
    ~LockoutShield();
    LockoutShield(const LockoutShield&) = delete;
    LockoutShield& operator=(const LockoutShield&) = delete;

    /// Entries last so long from now on, those that are there too.
    void change(Milliseconds duration) {
        duration_ms_.store(duration.count(), std::memory_order_relaxed);
    }

    [[nodiscard]] Mark mark(std::string_view credential, std::uint64_t device,
                            unsigned service) const;
    /// The challenge of the mail server, as lines of a head, if it refused the same a short while
    /// ago; null if not.
    [[nodiscard]] std::shared_ptr<const std::string> find(const Mark& mark, std::uint64_t device,
                                                          std::int64_t now_ms);
    /// The mail server refused it. Where the place is full, what has expired goes first, then what
    /// named no device (anybody can send that), then the oldest; what names no device never takes
    /// the place of what names one.
    void add(const Mark& mark, const Subject& subject, std::string_view challenge,
             std::int64_t now_ms);
    /// The mail server accepted it.
    void forget(const Mark& mark, std::uint64_t device);

    /// Entries that haven't expired.
    [[nodiscard]] std::vector<Entry> list(std::int64_t now_ms);
    [[nodiscard]] std::size_t size(std::int64_t now_ms);
    /// Takes out the entries of a user or a device, and returns them. A bare name stands for that
    /// name in any domain.
    std::vector<Entry> lift(std::string_view user_or_device, std::int64_t now_ms);
    std::vector<Entry> lift_all(std::int64_t now_ms);

  private:
    struct Kept {
        Mark mark;
        std::uint64_t device = 0;
        std::int64_t since_ms = 0;
        std::uint64_t answered = 0;
        std::shared_ptr<const std::string> challenge;
        std::string user;
        std::string device_id;
    };
    using Bucket = std::vector<Kept>;
    struct Shard {
        std::mutex mutex;                   // over the buckets and the challenge
        std::atomic<std::size_t> count{0};  // of all buckets; written under the mutex
        std::array<Bucket, kBuckets / kShards> buckets;
        std::shared_ptr<const std::string> challenge;  // the last one: they are nearly all the same
    };
    [[nodiscard]] bool expired(const Kept& kept, std::int64_t now_ms) const {
        return now_ms - kept.since_ms >= duration_ms_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] static std::uint64_t place_of(const Mark& mark, std::uint64_t device);
    [[nodiscard]] Shard& shard_of(std::uint64_t place) { return shards_[place % kShards]; }
    [[nodiscard]] static Bucket& bucket_of(Shard& shard, std::uint64_t place) {
        return shard.buckets[place / kShards % shard.buckets.size()];
    }
    /// Where a new entry may go: a free place, or that of a lesser one; null if there is none.
    [[nodiscard]] Kept* room_in(Shard& shard, Bucket& bucket, std::uint64_t device,
                                std::int64_t now_ms);
    /// Calls `visit` with each entry that hasn't expired; where it says true, takes that out. What
    /// has expired goes too.
    template <typename Visit>
    void sweep(std::int64_t now_ms, Visit&& visit);
    [[nodiscard]] Entry shown(const Kept& kept, std::int64_t now_ms) const;

    std::array<unsigned char, 32> key_{};  // random: known to this process alone
    std::atomic<std::int64_t> duration_ms_;
    std::array<Shard, kShards> shards_;
};

}  // namespace eg::gate
