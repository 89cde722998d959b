#include "proxy/gate/lockout_shield.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "filters/names.h"
#include "proxy/base/check.h"
#include "proxy/device/table.h"

namespace eg::gate {

namespace {

constexpr std::size_t kMostTextBytes = 256;  // of a name or an id that is kept

}  // namespace

LockoutShield::LockoutShield(Milliseconds duration) : duration_ms_(duration.count()) {
    EG_CHECK(RAND_bytes(key_.data(), static_cast<int>(key_.size())) == 1);
}

LockoutShield::~LockoutShield() {
    OPENSSL_cleanse(key_.data(), key_.size());
}

LockoutShield::Mark LockoutShield::mark(std::string_view credential, std::uint64_t device,
                                        unsigned service) const {
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum;
    unsigned length = 0;
    EG_CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                  reinterpret_cast<const unsigned char*>(credential.data()), credential.size(),
                  sum.data(), &length) != nullptr);
    Mark mark;
    EG_CHECK(length >= sizeof mark.hash);
    std::memcpy(mark.hash.data(), sum.data(), sizeof mark.hash);
    // What nobody can foresee stays so with something known added to it.
    mark.hash[0] ^= device;
    mark.hash[1] ^= service;
    return mark;
}

std::uint64_t LockoutShield::place_of(const Mark& mark, std::uint64_t device) {
    // The entries of a device share a place, so that many credentials for one push out nobody
    // else's. Both are keyed hashes: a stranger can't choose what meets what.
    return device != 0 ? device : mark.hash[0];
}

std::shared_ptr<const std::string> LockoutShield::find(const Mark& mark, std::uint64_t device,
                                                       std::int64_t now_ms) {
    const std::uint64_t place = place_of(mark, device);
    Shard& shard = shard_of(place);
    if (shard.count.load(std::memory_order_relaxed) == 0) {
        return nullptr;
    }
    const std::lock_guard lock(shard.mutex);
    for (Kept& kept : bucket_of(shard, place)) {
        if (kept.mark == mark) {
            if (expired(kept, now_ms)) {
                return nullptr;
            }
            ++kept.answered;
            return kept.challenge;
        }
    }
    return nullptr;
}

LockoutShield::Kept* LockoutShield::room_in(Shard& shard, Bucket& bucket, std::uint64_t device,
                                            std::int64_t now_ms) {
    if (bucket.size() < kWays) {
        shard.count.fetch_add(1, std::memory_order_relaxed);
        return &bucket.emplace_back();
    }
    // Smaller goes first.
    const auto worth = [&](const Kept& kept) {
        const int kind = expired(kept, now_ms)   ? 0
                         : kept.device == 0      ? 1
                         : kept.device == device ? 2
                                                 : 3;
        return std::pair(kind, kept.since_ms);
    };
    const auto least =
        std::ranges::min_element(bucket, {}, [&](const Kept& kept) { return worth(kept); });
    const bool is_greater = device != 0 || expired(*least, now_ms) || least->device == 0;
    return is_greater ? &*least : nullptr;
}

void LockoutShield::add(const Mark& mark, const Subject& subject, std::string_view challenge,
                        std::int64_t now_ms) {
    const std::uint64_t place = place_of(mark, subject.device);
    Shard& shard = shard_of(place);
    const std::lock_guard lock(shard.mutex);
    Bucket& bucket = bucket_of(shard, place);
    const auto same = std::ranges::find(bucket, mark, &Kept::mark);
    Kept* kept = same != bucket.end() ? &*same : room_in(shard, bucket, subject.device, now_ms);
    if (kept == nullptr) {
        return;
    }
    if (shard.challenge == nullptr || *shard.challenge != challenge) {
        shard.challenge = std::make_shared<const std::string>(challenge);
    }
    *kept = {.mark = mark,
             .device = subject.device,
             .since_ms = now_ms,
             .answered = 0,
             .challenge = shard.challenge,
             .user = std::string(subject.user.substr(0, kMostTextBytes)),
             .device_id = std::string(subject.device_id.substr(0, kMostTextBytes))};
}

void LockoutShield::forget(const Mark& mark, std::uint64_t device) {
    const std::uint64_t place = place_of(mark, device);
    Shard& shard = shard_of(place);
    if (shard.count.load(std::memory_order_relaxed) == 0) {
        return;
    }
    const std::lock_guard lock(shard.mutex);
    const std::size_t gone =
        std::erase_if(bucket_of(shard, place), [&](const Kept& kept) { return kept.mark == mark; });
    shard.count.fetch_sub(gone, std::memory_order_relaxed);
}

template <typename Visit>
void LockoutShield::sweep(std::int64_t now_ms, Visit&& visit) {
    for (Shard& shard : shards_) {
        if (shard.count.load(std::memory_order_relaxed) == 0) {
            continue;
        }
        const std::lock_guard lock(shard.mutex);
        for (Bucket& bucket : shard.buckets) {
            const std::size_t gone = std::erase_if(
                bucket, [&](const Kept& kept) { return expired(kept, now_ms) || visit(kept); });
            shard.count.fetch_sub(gone, std::memory_order_relaxed);
        }
    }
}

LockoutShield::Entry LockoutShield::shown(const Kept& kept, std::int64_t now_ms) const {
    const std::int64_t until_ms = kept.since_ms + duration_ms_.load(std::memory_order_relaxed);
    return {.user = kept.user,
            .device_id = kept.device_id,
            .answered = kept.answered,
            .expires_in = Milliseconds(until_ms - now_ms)};
}

std::vector<LockoutShield::Entry> LockoutShield::list(std::int64_t now_ms) {
    std::vector<Entry> entries;
    sweep(now_ms, [&](const Kept& kept) {
        entries.push_back(shown(kept, now_ms));
        return false;
    });
    return entries;
}

std::size_t LockoutShield::size(std::int64_t now_ms) {
    std::size_t count = 0;
    sweep(now_ms, [&](const Kept&) {
        ++count;
        return false;
    });
    return count;
}

std::vector<LockoutShield::Entry> LockoutShield::lift(std::string_view user_or_device,
                                                      std::int64_t now_ms) {
    const std::uint64_t device = device::DeviceTable::hash_id(user_or_device);
    std::vector<Entry> lifted;
    sweep(now_ms, [&](const Kept& kept) {
        const bool meant = (kept.device != 0 && kept.device == device) ||
                           filters::user_matches(user_or_device, kept.user, {});
        if (meant) {
            lifted.push_back(shown(kept, now_ms));
        }
        return meant;
    });
    return lifted;
}

std::vector<LockoutShield::Entry> LockoutShield::lift_all(std::int64_t now_ms) {
    std::vector<Entry> lifted;
    sweep(now_ms, [&](const Kept& kept) {
        lifted.push_back(shown(kept, now_ms));
        return true;
    });
    return lifted;
}

}  // namespace eg::gate
