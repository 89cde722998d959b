#include "proxy/gate/bindings.h"

#include <algorithm>
#include <cstring>

#include "proxy/device/disk.h"
#include "proxy/device/id_key.h"
#include "proxy/device/record.h"

namespace eg::gate {

using device::DeviceTable;
using device::StoredBinding;
using log::Level;

namespace {

constexpr auto kWriteAgainAfter = Milliseconds(1'000);

}  // namespace

Bindings::Bindings(Files files, log::Log& log) : files_(std::move(files)), log_(log) {
    if (!files_.path.empty()) {
        load();
        writer_ = std::thread([this] { write_changes(); });
    }
}

Bindings::~Bindings() {
    stop();
}

void Bindings::load() {
    const auto loaded = device::load_bindings(files_.path, files_.instance);
    if (!loaded) {
        damaged_ = true;
        log_.event(Level::error, "binding",
                   "instance {}: {} can't be relied on ({}): devices that the MDM server leaves "
                   "open are refused; put a copy in its place, or remove it to bind them anew, and "
                   "reload",
                   files_.instance, files_.path, describe(loaded.error()));
        return;
    }
    for (const StoredBinding& binding : *loaded) {
        const std::uint64_t device = DeviceTable::hash_id(binding.id);
        Shard& shard = shard_of(device);
        const std::lock_guard lock(shard.mutex);
        size_ += shard.bindings.emplace(device, binding).second ? 1 : 0;
    }
    damaged_ =
        false;  // last: until all are there, a device that isn't yet would pass for a new one
}

void Bindings::load_again() {
    if (damaged()) {
        load();
    }
}

void Bindings::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (writer_.joinable()) {
        writer_.join();
    }
}

device::Bound Bindings::find(std::string_view id, device::Binding& found) const {
    if (damaged()) {
        return device::Bound::unknown;
    }
    const std::uint64_t device = DeviceTable::hash_id(id);
    const Shard& shard = shard_of(device);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.bindings.find(device);
    if (at == shard.bindings.end()) {
        return device::Bound::no;
    }
    found.user = at->second.user;
    found.key = at->second.key;
    return device::Bound::yes;
}

void Bindings::bind(const StoredBinding& binding, const std::shared_ptr<const DeviceTable>& table) {
    if (damaged()) {
        return;
    }
    const std::uint64_t device = DeviceTable::hash_id(binding.id);
    Shard& shard = shard_of(device);
    {
        const std::lock_guard lock(shard.mutex);
        const auto at = shard.bindings.find(device);
        if (at == shard.bindings.end()) {
            const std::size_t most = std::min(table->size() + kSlack, device::kMostBindings);
            if (size() < most) {
                StoredBinding kept = binding;
                kept.id = device::canonical_id(binding.id);
                shard.bindings.emplace(device, std::move(kept));
                ++size_;
            } else {
                const std::lock_guard prune_lock(mutex_);
                prune_by_ = table;
            }
        } else {
            StoredBinding& kept = at->second;
            const bool adds_user = kept.user.empty() && !binding.user.empty();
            const bool adds_key = !kept.key && binding.key;
            if (!adds_user && !adds_key) {
                return;
            }
            kept.user = adds_user ? binding.user : kept.user;
            kept.key = adds_key ? binding.key : kept.key;
        }
    }
    changed();
}

std::vector<StoredBinding> Bindings::list() const {
    std::vector<StoredBinding> all;
    all.reserve(size());
    for (const Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        for (const auto& [device, binding] : shard.bindings) {
            all.push_back(binding);
        }
    }
    std::ranges::sort(all, {}, &StoredBinding::id);
    return all;
}

bool Bindings::remove(std::string_view id) {
    const std::uint64_t device = DeviceTable::hash_id(id);
    Shard& shard = shard_of(device);
    {
        const std::lock_guard lock(shard.mutex);
        if (shard.bindings.erase(device) == 0) {
            return false;
        }
    }
    --size_;
    changed();
    return true;
}

void Bindings::changed() {
    {
        const std::lock_guard lock(mutex_);
        changed_ = true;
    }
    wake_.notify_one();
}

void Bindings::write_changes() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return changed_ || stopping_; });
        if (!changed_) {
            return;
        }
        changed_ = false;
        const auto table = std::exchange(prune_by_, nullptr);
        lock.unlock();
        if (table != nullptr) {
            prune(*table);
        }
        const bool written = write();
        lock.lock();
        changed_ = changed_ || !written;
        if (stopping_ && !written) {
            return;
        }
        // Bindings come in bursts; one more write takes them all.
        wake_.wait_for(lock, kWriteAgainAfter, [this] { return stopping_; });
    }
}

void Bindings::prune(const DeviceTable& table) {
    for (Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        size_ -= std::erase_if(
            shard.bindings, [&table](const auto& entry) { return !table.find(entry.second.id); });
    }
}

bool Bindings::write() {
    const std::string content = device::write_bindings(list(), files_.instance);
    auto file = device::disk::Replacement::begin(files_.path);
    Result<void> done;
    if (file) {
        file->write({reinterpret_cast<const unsigned char*>(content.data()), content.size()});
        done = file->commit();
    } else {
        done = std::unexpected(file.error());
    }
    if (!done) {
        log_.event(Level::error, "binding", "instance {}: can't write {}: {}", files_.instance,
                   files_.path, describe(done.error()));
    }
    return done.has_value();
}

Bindings::Origin Bindings::origin(const IpAddress& address, const device::KeyHash* key) {
    constexpr std::size_t kV4Network = 3;  // /24
    constexpr std::size_t kV6Network = 6;  // /48
    const auto& bytes = address.bytes();
    Origin origin;
    origin.network = device::keyed_hash(
        {reinterpret_cast<const char*>(bytes.data()), address.is_v4() ? kV4Network : kV6Network});
    if (key != nullptr) {
        std::memcpy(&origin.key, key->data(), sizeof(origin.key));
    }
    return origin;
}

Bindings::Overlap Bindings::hold(std::uint64_t device, const Origin& origin) {
    Shard& shard = shard_of(device);
    const std::lock_guard lock(shard.mutex);
    auto& holds = shard.holds[device];
    Overlap overlap = Overlap::none;
    Hold* same = nullptr;
    for (Hold& hold : holds) {
        if (hold.origin == origin) {
            same = &hold;
        } else if (hold.origin.key != origin.key) {
            overlap = Overlap::key;
        } else if (overlap == Overlap::none) {
            overlap = Overlap::network;
        }
    }
    if (same == nullptr) {
        same = &holds.emplace_back(Hold{.origin = origin});
    }
    ++same->count;
    return overlap;
}

void Bindings::release(std::uint64_t device, const Origin& origin) {
    Shard& shard = shard_of(device);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.holds.find(device);
    if (at == shard.holds.end()) {
        return;  // it was held before bindings were switched on
    }
    std::erase_if(at->second,
                  [&](Hold& hold) { return hold.origin == origin && --hold.count == 0; });
    if (at->second.empty()) {
        shard.holds.erase(at);
    }
}

bool Bindings::may_warn(std::int64_t now_ms) {
    std::int64_t warned = warned_ms_.load(std::memory_order_relaxed);
    return (warned == 0 || now_ms - warned >= kQuiet.count()) &&
           warned_ms_.compare_exchange_strong(warned, now_ms, std::memory_order_relaxed);
}

}  // namespace eg::gate
