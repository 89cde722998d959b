#include "proxy/gate/upstream_trouble.h"

#include <doctest/doctest.h>

using eg::gate::UpstreamTrouble;

TEST_CASE("a mail server that fails each request is said once a minute, with a count") {
    UpstreamTrouble trouble;
    CHECK(trouble.fails("refused", 5) == "refused");
    for (int i = 0; i < 1000; ++i) {
        CHECK(trouble.fails("refused", 5 + i) == std::nullopt);
    }
    CHECK(trouble.get() == "refused");
    CHECK(trouble.fails("refused", 60'004) == std::nullopt);
    CHECK(trouble.fails("refused", 60'005) == "refused (1001 more failures since the last line)");
    CHECK(trouble.fails("refused", 120'005) == "refused");
}

TEST_CASE("another trouble is said sooner, but two that take turns don't flood either") {
    UpstreamTrouble trouble;
    CHECK(trouble.fails("refused", 0) == "refused");
    CHECK(trouble.fails("silent", 9'999) == std::nullopt);
    CHECK(trouble.get() == "silent");
    CHECK(trouble.fails("silent", 10'000) == "silent (1 more failures since the last line)");
    int lines = 0;
    for (int i = 1; i <= 20'000; ++i) {
        lines += trouble.fails(i % 2 == 0 ? "silent" : "refused", 10'000 + i) ? 1 : 0;
    }
    CHECK(lines == 1);
}

TEST_CASE("the end of a trouble is said where its beginning was") {
    UpstreamTrouble trouble;
    CHECK_FALSE(trouble.works());
    CHECK(trouble.fails("refused", 0));
    CHECK(trouble.works());
    CHECK(trouble.get() == "");
    CHECK_FALSE(trouble.works());
    // Right after the first: the log isn't told of the second, and so not of its end.
    CHECK_FALSE(trouble.fails("refused", 100));
    CHECK(trouble.get() == "refused");
    CHECK_FALSE(trouble.works());
    CHECK(trouble.get() == "");
}
