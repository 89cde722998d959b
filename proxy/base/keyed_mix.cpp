#include "proxy/base/keyed_mix.h"

#include <sys/random.h>

#include <array>
#include <cstring>

#include "proxy/base/check.h"

namespace eg {

KeyedMix::KeyedMix() {
    std::array<std::uint64_t, 2> key{};
    EG_CHECK(getrandom(key.data(), sizeof key, 0) == static_cast<ssize_t>(sizeof key));
    first_ = key[0];
    second_ = key[1];
}

std::uint64_t KeyedMix::of_client(const IpAddress& address) const {
    std::uint64_t network = 0;
    const std::size_t bytes = address.is_v4() ? 4 : sizeof network;
    std::memcpy(&network, address.bytes().data(), bytes);
    return (*this)(network, bytes);
}

}  // namespace eg
