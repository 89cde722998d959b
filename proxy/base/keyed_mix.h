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
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{a ^ first_} * Wide{b ^ second_};
        return static_cast<std::uint64_t>(product >> 64U) ^ static_cast<std::uint64_t>(product);
    }
    /// Of a client's address: of IPv6 the first 64 bits, for a client has all that follow them.
    [[nodiscard]] std::uint64_t of_client(const IpAddress& address) const;

  private:
    std::uint64_t first_ = 0;
    std::uint64_t second_ = 0;
};

}  // namespace eg
