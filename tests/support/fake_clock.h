/// A clock that stands still until the test moves it. Give `clock.reader()` to a Loop or a Worker.
#pragma once

#include <chrono>

#include "proxy/base/units.h"
#include "proxy/net/loop.h"

namespace eg::test {

class FakeClock {
  public:
    [[nodiscard]] net::Loop::Clock reader() {
        return [this] { return now_; };
    }
    void pass(Milliseconds time) { now_ += time; }
    [[nodiscard]] MonotonicTime now() const { return now_; }

  private:
    MonotonicTime now_{std::chrono::hours(1)};
};

}  // namespace eg::test
