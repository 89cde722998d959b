#include "proxy/log/stamp.h"

#include <cstdlib>
#include <ctime>

#include <doctest/doctest.h>

using namespace eg;
using namespace std::chrono_literals;

namespace {

std::string stamp(std::chrono::milliseconds since_1970) {
    std::string out;
    log::append_stamp(out, WallTime(since_1970));
    return out;
}

/// The zone of this process for as long as it lives.
class Zone {
  public:
    explicit Zone(const char* name) {
        setenv("TZ", name, 1);
        tzset();
        stamp(std::chrono::seconds(++other_second));  // out of the thread's one-second memory
    }
    ~Zone() {
        unsetenv("TZ");
        tzset();
    }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;

  private:
    static inline int other_second = 0;
};

}  // namespace

TEST_CASE("stamps are RFC 3339 in the local zone, always of one length") {
    {
        const Zone zone("UTC");
        CHECK(stamp(1'795'323'600'123ms) == "2026-11-22T05:00:00.123+00:00");
        CHECK(stamp(1'795'323'600'007ms) == "2026-11-22T05:00:00.007+00:00");
        CHECK(stamp(0ms) == "1970-01-01T00:00:00.000+00:00");
        CHECK(stamp(-1ms) == "1969-12-31T23:59:59.999+00:00");
        CHECK(stamp(951'782'400'000ms) == "2000-02-29T00:00:00.000+00:00");
    }
    {
        const Zone zone("CET-1CEST,M3.5.0,M10.5.0/3");
        CHECK(stamp(1'795'323'600'000ms) == "2026-11-22T06:00:00.000+01:00");
        CHECK(stamp(1'783'000'800'000ms) == "2026-07-02T16:00:00.000+02:00");
    }
    {
        const Zone zone("<-0330>3:30");
        CHECK(stamp(1'795'323'600'000ms) == "2026-11-22T01:30:00.000-03:30");
    }
    CHECK(stamp(1'795'323'600'123ms).size() == log::kStampLength);
}

TEST_CASE("the next second is written anew") {
    const Zone zone("UTC");
    CHECK(stamp(1'795'323'600'999ms) == "2026-11-22T05:00:00.999+00:00");
    CHECK(stamp(1'795'323'601'000ms) == "2026-11-22T05:00:01.000+00:00");
    CHECK(stamp(1'795'323'600'999ms) == "2026-11-22T05:00:00.999+00:00");
}
