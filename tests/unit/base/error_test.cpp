#include "proxy/base/error.h"

#include <cerrno>
#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace eg;

TEST_CASE("an error is described by side, code, text and the system's own words") {
    struct Row {
        Error error;
        std::string_view text;
    };
    for (const Row& row : {
             Row{{}, "gate: malformed"},
             Row{{.what = "bad Host field", .code = ErrorCode::malformed, .side = Side::client},
                 "client: malformed: bad Host field"},
             Row{{.what = "connect",
                  .sys_errno = ECONNREFUSED,
                  .code = ErrorCode::refused,
                  .side = Side::upstream},
                 "upstream: refused: connect (Connection refused)"},
             Row{{.sys_errno = EPIPE, .code = ErrorCode::reset, .side = Side::client},
                 "client: reset (Broken pipe)"},
         }) {
        CHECK(describe(row.error) == row.text);
    }
}

TEST_CASE("each code and side has a word of its own") {
    std::set<std::string_view> codes;
    for (int code = 0; code <= static_cast<int>(ErrorCode::io); ++code) {
        codes.insert(to_string(static_cast<ErrorCode>(code)));
    }
    CHECK(codes.size() == static_cast<std::size_t>(ErrorCode::io) + 1);
    CHECK(codes.count("unknown") == 0);
    CHECK(to_string(Side::self) == "gate");
    CHECK(to_string(Side::client) == "client");
    CHECK(to_string(Side::upstream) == "upstream");
}

TEST_CASE("fail makes the error of any result") {
    const Result<int> result = fail(ErrorCode::io, Side::self, "read", EIO);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::io);
    CHECK(result.error().side == Side::self);
    CHECK(result.error().sys_errno == EIO);
    CHECK(std::string(result.error().what) == "read");
}
