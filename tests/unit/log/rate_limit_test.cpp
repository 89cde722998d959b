#include "proxy/log/rate_limit.h"

#include <doctest/doctest.h>

#include "proxy/log/log.h"

using namespace eg;
using namespace std::chrono_literals;
using log::Level;
using log::RateLimit;

namespace {

unsigned admitted(RateLimit& limit, unsigned tries, std::string_view area, MonotonicTime now) {
    unsigned count = 0;
    for (unsigned i = 0; i < tries; ++i) {
        count += limit.admit(Level::warning, area, now) ? 1U : 0U;
    }
    return count;
}

}  // namespace

TEST_CASE("a kind may say so much in a second, and what it said more is counted") {
    RateLimit limit;
    const MonotonicTime begin{100s};
    CHECK(admitted(limit, 250, "feed", begin) == RateLimit::kMostPerSecond);
    CHECK(limit.any_omitted());
    CHECK(limit.take_omitted(begin + 999ms).empty());
    CHECK(limit.any_omitted());
    const auto omitted = limit.take_omitted(begin + 1s);
    REQUIRE(omitted.size() == 1);
    CHECK(omitted[0].area == "feed");
    CHECK(omitted[0].level == Level::warning);
    CHECK(omitted[0].count == 250 - RateLimit::kMostPerSecond);
    CHECK_FALSE(limit.any_omitted());
    CHECK(limit.take_omitted(begin + 2s).empty());
    CHECK(admitted(limit, 5, "feed", begin + 1s) == 5);
}

TEST_CASE("other areas and levels are not concerned") {
    RateLimit limit;
    const MonotonicTime now{100s};
    CHECK(admitted(limit, 250, "feed", now) == RateLimit::kMostPerSecond);
    CHECK(limit.admit(Level::warning, "tls", now));
    CHECK(limit.admit(Level::error, "feed", now));
}

TEST_CASE("a slow talker is never silenced") {
    RateLimit limit;
    MonotonicTime now{100s};
    for (int i = 0; i < 1000; ++i) {
        now += 20ms;
        CHECK(limit.admit(Level::info, "feed", now));
    }
    CHECK_FALSE(limit.any_omitted());
}

TEST_CASE("the kinds that are kept are bounded") {
    RateLimit limit;
    const MonotonicTime now{100s};
    for (std::size_t i = 0; i < 2 * RateLimit::kMostKinds; ++i) {
        CHECK(limit.admit(Level::warning, fmt::format("area-{}", i), now));
    }
    CHECK(admitted(limit, 250, "area-0", now) == RateLimit::kMostPerSecond - 1);
    CHECK(admitted(limit, 250, "a new one", now) == 250);
    CHECK(admitted(limit, 250, "a new one", now + 2s) == RateLimit::kMostPerSecond);
}
