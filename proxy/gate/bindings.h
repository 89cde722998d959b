/// To whom and to which key the devices of an instance are bound, and which of them wait in two
/// places at once.
///
/// One an instance, shared by its workers; made only where `bind` is set. Any thread: a look-up
/// holds the lock of one of kShards for as long as it copies an entry. A thread of its own writes
/// the file at most once a second. Bounded by the number of listed devices.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/device/binding.h"
#include "proxy/device/table.h"
#include "proxy/log/log.h"

namespace eg::gate {

class Bindings {
  public:
    struct Files {
        std::string path;  // "" = nothing is kept (tests)
        std::string instance;
    };
    /// Reads the file. Damaged bindings are said in the log, and then find() says `unknown`.
    Bindings(Files files, log::Log& log);
    ~Bindings();
    Bindings(const Bindings&) = delete;
    Bindings& operator=(const Bindings&) = delete;

    /// Reads the file again if it was damaged: an administrator may have mended or removed it.
    void load_again();
    /// Writes what is new and ends the thread. Blocks on the disk.
    void stop();

    /// `id`: as the device is listed.
    [[nodiscard]] device::Bound find(std::string_view id, device::Binding& found) const;
    /// Binds what is open: the first one wins, and what is bound already stays. `table`, which
    /// lists the device, bounds the number of bindings.
    void bind(const device::StoredBinding& binding,
              const std::shared_ptr<const device::DeviceTable>& table);
    [[nodiscard]] std::vector<device::StoredBinding> list() const;
    /// The device may be bound anew. False if it wasn't bound.
    bool remove(std::string_view id);
    [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool damaged() const { return damaged_.load(std::memory_order_relaxed); }

    /// Where a held request comes from: its network and its client key.
    struct Origin {
        std::uint64_t network = 0;
        std::uint64_t key = 0;
        friend bool operator==(const Origin&, const Origin&) = default;
    };
    [[nodiscard]] static Origin origin(const IpAddress& address, const device::KeyHash* key);
    enum class Overlap : std::uint8_t { none, network, key };
    /// A request of `device` (DeviceTable::hash_id()) is held from now on, until release(). Says
    /// whether another one is held that comes from elsewhere.
    [[nodiscard]] Overlap hold(std::uint64_t device, const Origin& origin);
    void release(std::uint64_t device, const Origin& origin);
    /// Whether an overlap may be said in the log: one in kQuiet.
    [[nodiscard]] bool may_warn(std::int64_t now_ms);

  private:
    static constexpr std::size_t kShards = 64;
    static constexpr std::size_t kSlack = 1'024;  // bindings beyond the listed devices
    static constexpr auto kQuiet = Milliseconds(10'000);
    struct Hold {
        Origin origin;
        std::uint32_t count = 0;
    };
    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<std::uint64_t, device::StoredBinding> bindings;
        std::unordered_map<std::uint64_t, std::vector<Hold>> holds;
    };
    [[nodiscard]] Shard& shard_of(std::uint64_t device) const { return shards_[device % kShards]; }
    void load();
    void changed();
    void write_changes();
    void prune(const device::DeviceTable& table);
    [[nodiscard]] bool write();

    Files files_;
    log::Log& log_;
    mutable std::array<Shard, kShards> shards_;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> damaged_{false};
    std::atomic<std::int64_t> warned_ms_{0};
    std::mutex mutex_;  // over what follows
    std::condition_variable wake_;
    std::shared_ptr<const device::DeviceTable> prune_by_;
    bool changed_ = false;
    bool stopping_ = false;
    std::thread writer_;
};

}  // namespace eg::gate
