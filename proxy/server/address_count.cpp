#include "proxy/server/address_count.h"

#include <algorithm>
#include <limits>

namespace eg::server {

void AddressCount::set_most(unsigned most) {
    if (most != 0 && rows_ == nullptr) {
        rows_ = std::make_unique<Rows>();
    }
    most_.store(most, std::memory_order_release);
}

unsigned AddressCount::add(std::uint64_t key) {
    std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
    for (std::size_t row = 0; row < kRows; ++row) {
        least = std::min(least, counter(row, key).fetch_add(1, std::memory_order_relaxed) + 1);
    }
    return least;
}

void AddressCount::subtract(std::uint64_t key) {
    for (std::size_t row = 0; row < kRows; ++row) {
        counter(row, key).fetch_sub(1, std::memory_order_relaxed);
    }
}

}  // namespace eg::server
