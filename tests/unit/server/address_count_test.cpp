// How many connections an address has.

#include "proxy/server/address_count.h"

#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

using eg::IpAddress;
using eg::server::AddressCount;

TEST_CASE("what comes is counted for its address, what goes is not") {
    AddressCount count;
    CHECK(count.most() == 0);
    count.set_most(2);
    CHECK(count.most() == 2);
    const auto one = count.key_of(*IpAddress::parse("192.0.2.1"));
    const auto other = count.key_of(*IpAddress::parse("192.0.2.2"));
    CHECK(count.add(one) == 1);
    CHECK(count.add(one) == 2);
    CHECK(count.add(other) == 1);
    count.subtract(one);
    CHECK(count.add(one) == 2);
    count.set_most(0);
    count.subtract(one);
    count.subtract(one);
    count.set_most(2);
    CHECK(count.add(one) == 1);
}

TEST_CASE("a crowd of addresses and one with very many blame nobody else") {
    AddressCount count;
    count.set_most(10);
    const auto heavy = count.key_of(*IpAddress::parse("198.51.100.1"));
    for (int i = 0; i < 70'000; ++i) {
        count.add(heavy);
    }
    int blamed = 0;
    for (unsigned i = 0; i < 30'000; ++i) {
        const auto address = IpAddress::parse(fmt::format("10.{}.{}.1", i / 256, i % 256));
        blamed += count.add(count.key_of(*address)) > 10 ? 1 : 0;
    }
    CHECK(blamed == 0);
    CHECK(count.add(heavy) >= 70'001);
}

TEST_CASE("workers count together") {
    AddressCount count;
    count.set_most(1'000'000);
    const auto key = count.key_of(*IpAddress::parse("192.0.2.1"));
    const auto work = [&] {
        for (int i = 0; i < 10'000; ++i) {
            count.add(key);
            count.add(key);
            count.subtract(key);
        }
    };
    std::thread one(work);
    std::thread two(work);
    one.join();
    two.join();
    CHECK(count.add(key) == 20'001);
}
