// Requests a minute, for many keys at once.

#include "proxy/gate/rate_table.h"

#include <atomic>
#include <thread>
#include <unordered_set>

#include <doctest/doctest.h>

using eg::Milliseconds;
using eg::gate::RateTable;

namespace {

/// How many of `times` requests at `now_ms` pass.
int passing(RateTable& table, std::uint64_t key, unsigned a_minute, std::int64_t now_ms,
            int times) {
    int passed = 0;
    for (int i = 0; i < times; ++i) {
        passed += table.take(key, a_minute, now_ms).count() == 0 ? 1 : 0;
    }
    return passed;
}

std::uint64_t key_of(std::uint64_t number, const RateTable& table) {
    return table.mix()(number, 1);
}

}  // namespace

TEST_CASE("a minute's worth at once, and then at the rate") {
    for (const unsigned limit : {1U, 7U, 60U, 1'200U, 8'000U}) {
        CAPTURE(limit);
        RateTable table;
        const std::uint64_t key = key_of(1, table);
        const int most = static_cast<int>(limit);
        CHECK(passing(table, key, limit, 5'000, most + 5) == most);
        const Milliseconds wait = table.take(key, limit, 5'000);
        CHECK(wait.count() > 0);
        CHECK(wait.count() <= 60'000 / static_cast<int>(limit) + 1);
        CHECK(table.take(key, limit, 5'000 + wait.count()).count() == 0);
        // Half a minute gives half of it back.
        const int half = passing(table, key, limit, 5'000 + wait.count() + 30'000, most);
        CHECK(half >= most / 2 - 1);
        CHECK(half <= most / 2 + 1);
        CHECK(passing(table, key, limit, 500'000, most + 5) == most);
    }
}

TEST_CASE("very high limits are kept as well as time can be told") {
    RateTable table;
    const int many = passing(table, key_of(1, table), 100'000, 0, 200'000);
    CHECK(many >= 100'000);
    CHECK(many <= 110'000);
    CHECK(passing(table, key_of(2, table), 10'000'000, 0, 900'000) == 900'000);
}

TEST_CASE("a refused request costs nothing") {
    RateTable table;
    const std::uint64_t key = key_of(1, table);
    CHECK(passing(table, key, 60, 0, 1'000) == 60);
    CHECK(passing(table, key, 60, 1'000, 1'000) == 1);
}

TEST_CASE("after years, and where the clock of the table begins anew") {
    RateTable table;
    const std::uint64_t key = key_of(1, table);
    const std::int64_t end = (std::int64_t{1} << 40) / 16;
    CHECK(passing(table, key, 60, end - 10'000, 100) == 60);
    CHECK(passing(table, key, 60, end + 20'000, 100) == 30);
    CHECK(passing(table, key, 60, end + 900'000, 100) == 60);
}

TEST_CASE("keys don't count for each other, and a full table refuses nobody") {
    RateTable table;
    constexpr std::uint64_t kKeys = 500'000;  // many times what it has room for
    // What the table can tell of a key: its line of 8,192, and the upper 24 bits. In half of all
    // runs some key agrees in these with an earlier one, and may be taken for it while that one is
    // kept.
    std::unordered_set<std::uint64_t> seen;
    int refused = 0;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
        const std::uint64_t key = key_of(i, table);
        const bool is_new = seen.insert((key >> 40U) << 13U | key % 8'192).second;
        refused += passing(table, key, 5, 0, 3) == 3 || !is_new ? 0 : 1;
    }
    CHECK(refused == 0);
    CHECK(kKeys - seen.size() <= 20);  // 0.9 are expected
}

TEST_CASE("a crowd that does little doesn't make room for one that does much") {
    RateTable table;
    const std::uint64_t busy = key_of(1, table);
    CHECK(passing(table, busy, 60, 0, 100) == 60);
    for (std::uint64_t i = 2; i < 300'000; ++i) {
        CHECK(table.take(key_of(i, table), 60, 0).count() == 0);
    }
    CHECK(passing(table, busy, 60, 0, 100) == 0);
}

TEST_CASE("the end of a credential tells it from others") {
    const RateTable table;
    CHECK(table.key_of("Basic YWxpY2U6b2xk") == table.key_of("Basic YWxpY2U6b2xk"));
    CHECK(table.key_of("Basic YWxpY2U6b2xk") != table.key_of("Basic YWxpY2U6b2xj"));
    CHECK(table.key_of("Basic QQ==") != table.key_of("Basic QR=="));
    CHECK(table.key_of("B QQ==") != table.key_of("B QR=="));
    CHECK(table.key_of("") != table.key_of("B"));
    CHECK(RateTable().key_of("Basic YWxpY2U6b2xk") != table.key_of("Basic YWxpY2U6b2xk"));
}

TEST_CASE("workers count together") {
    RateTable table;
    const std::uint64_t key = key_of(1, table);
    std::atomic<int> passed{0};
    const auto work = [&] { passed += passing(table, key, 10'000, 0, 10'000); };
    std::thread one(work);
    std::thread two(work);
    one.join();
    two.join();
    CHECK(passed >= 10'000);
    CHECK(passed <= 10'050);  // what lost the race too often passes uncounted
}
