#include "filters/verdict.h"

#include <set>
#include <string_view>

#include <doctest/doctest.h>

using namespace eg::filters;

TEST_CASE("every reason has a word of its own, and the status of its kind") {
    std::set<std::string_view> words;
    const int last = static_cast<int>(Reason::client_left);
    for (int i = 0; i <= last; ++i) {
        const Reason reason = static_cast<Reason>(i);
        CAPTURE(to_string(reason));
        CHECK(words.insert(to_string(reason)).second);
        const Verdict verdict = refuse(reason, "x");
        CHECK(verdict.allowed() == (reason == Reason::none));
        CHECK(verdict.filter == std::string_view("x"));
        if (reason >= Reason::path && reason <= Reason::certificate) {
            CHECK(verdict.status == 403);
        }
    }
    CHECK(refuse(Reason::malformed, "").status == 400);
    CHECK(refuse(Reason::bad_request, "").status == 400);
    CHECK(refuse(Reason::header_too_large, "").status == 431);
    CHECK(refuse(Reason::body_too_large, "").status == 413);
    CHECK(refuse(Reason::states_stale, "").status == 503);
    CHECK(refuse(Reason::states_missing, "").status == 503);
    CHECK(refuse(Reason::draining, "").status == 503);
    CHECK(refuse(Reason::overloaded, "").status == 503);
    CHECK(refuse(Reason::upstream_unreachable, "").status == 502);
    CHECK(refuse(Reason::upstream_invalid, "").status == 502);
    CHECK(refuse(Reason::upstream_silent, "").status == 504);
    CHECK(refuse(Reason::client_timeout, "").status == 408);
    CHECK(refuse(Reason::client_left, "").status == 0);
}
