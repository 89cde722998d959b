// The keyed hash of tables that strangers fill.

#include "proxy/base/keyed_mix.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <doctest/doctest.h>

using eg::IpAddress;
using eg::KeyedMix;

TEST_CASE("a client is an IPv4 address, or the first half of an IPv6 address") {
    const KeyedMix mix;
    const auto of = [&](std::string_view text) { return mix.of_client(*IpAddress::parse(text)); };
    CHECK(of("192.0.2.1") == of("192.0.2.1"));
    CHECK(of("192.0.2.1") == of("::ffff:192.0.2.1"));
    CHECK(of("192.0.2.1") != of("192.0.2.2"));
    CHECK(of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9"));
    CHECK(of("2001:db8:1:2::1") != of("2001:db8:1:3::1"));
    CHECK(of("192.0.2.1") != of("c000:201::"));  // the same bytes
}

TEST_CASE("each key gives other results, evenly spread") {
    CHECK(KeyedMix()(1, 2) != KeyedMix()(1, 2));
    for (int key = 0; key < 100; ++key) {  // of some keys one multiplication made a poor hash
        const KeyedMix mix;
        std::array<int, 256> low{};
        std::array<int, 256> high{};
        for (std::uint64_t i = 0; i < 25'600; ++i) {
            const std::uint64_t hash = mix(i, 4);
            ++low[hash % 256];
            ++high[hash >> 56];
        }
        CHECK(*std::ranges::max_element(low) < 200);
        CHECK(*std::ranges::max_element(high) < 200);
    }
}
