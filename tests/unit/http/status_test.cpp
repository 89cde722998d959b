#include "proxy/http/status.h"

#include <doctest/doctest.h>

#include "proxy/http/chars.h"

using namespace eg::http;

TEST_CASE("reason phrases are the standard ones") {
    CHECK(reason_phrase(100) == "Continue");
    CHECK(reason_phrase(200) == "OK");
    CHECK(reason_phrase(400) == "Bad Request");
    CHECK(reason_phrase(403) == "Forbidden");
    CHECK(reason_phrase(431) == "Request Header Fields Too Large");
    CHECK(reason_phrase(502) == "Bad Gateway");
    CHECK(reason_phrase(503) == "Service Unavailable");
    CHECK(reason_phrase(504) == "Gateway Timeout");
    CHECK(reason_phrase(505) == "HTTP Version Not Supported");
    CHECK(reason_phrase(299) == "Status");
    CHECK(reason_phrase(0) == "Status");
}

TEST_CASE("every code has a reason and a one-line body that may go on a wire") {
    for (unsigned status = 0; status <= 1000; ++status) {
        CAPTURE(status);
        CHECK_FALSE(reason_phrase(status).empty());
        CHECK(all_in(kValueChar, reason_phrase(status)));
        const std::string_view body = plain_body(status);
        REQUIRE(body.size() > 10);
        CHECK(body.size() < 100);
        CHECK(body.find('\n') == body.size() - 1);
    }
}

TEST_CASE("a refusal doesn't say which rule refused") {
    for (const std::string_view detail : {"device", "user", "agent", "path", "compliant"}) {
        CHECK(plain_body(403).find(detail) == std::string_view::npos);
    }
}
