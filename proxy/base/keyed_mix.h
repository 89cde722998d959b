/// A fast hash of two words under a key that is drawn at random, for tables that strangers fill:
/// who doesn't know the key and never sees a result can't choose what meets what. Not for secrets
/// that others get to see the hash of. A value; any thread.
#pragma once

#include <cstdint>

#include "proxy/base/ip.h"

namespace eg {

class KeyedMix {
  public:
    KeyedMix();  // draws the key
    [[nodiscard]] std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const {
        // Twice: after one multiplication what is counted up gathers in places under some keys.
        return fold(fold(a ^ first_, b ^ second_) ^ first_, kOdd);
    }
    /// Of a client's address: of IPv6 the first 64 bits, for a client has all that follow them.
    [[nodiscard]] std::uint64_t of_client(const IpAddress& address) const;

  private:
    static constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio
    [[nodiscard]] static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{a} * Wide{b};
        return static_cast<std::uint64_t>(product >> 64U) ^ static_cast<std::uint64_t>(product);
    }
    std::uint64_t first_ = 0;
    std::uint64_t second_ = 0;
};

}  // namespace eg
