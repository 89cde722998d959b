/// How many connections each client address has open, over all workers: in constant memory and
/// without a lock.
///
/// Any thread; set_most() is the control thread's. Three rows of counters, an address has one in
/// each, and the least of them counts: never too few; too many only where others meet it in all
/// three, which a random key leaves to chance.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/ip.h"
#include "proxy/base/keyed_mix.h"

namespace eg::server {

class AddressCount {
  public:
    /// The most connections of an address; 0 = no limit, and nothing is counted.
    void set_most(unsigned most);
    [[nodiscard]] unsigned most() const { return most_.load(std::memory_order_acquire); }

    /// Stands for an address in add() and subtract(); never 0.
    [[nodiscard]] std::uint64_t key_of(const IpAddress& address) const {
        return mix_.of_client(address) | 1U;
    }
    /// One more; returns how many there are now. most() isn't 0.
    unsigned add(std::uint64_t key);
    /// One that was added has gone.
    void subtract(std::uint64_t key);

  private:
    static constexpr std::size_t kRows = 3;
    static constexpr std::size_t kColumns = 32'768;
    using Rows = std::array<std::array<std::atomic<std::uint32_t>, kColumns>, kRows>;
    [[nodiscard]] std::atomic<std::uint32_t>& counter(std::size_t row, std::uint64_t key) {
        constexpr unsigned kBitsApart = 20;
        return (*rows_)[row][(key >> (1 + kBitsApart * row)) % kColumns];
    }
    KeyedMix mix_;
    std::atomic<unsigned> most_{0};
    std::unique_ptr<Rows> rows_;  // made when first needed, before most_ says so
};

}  // namespace eg::server
