// The limits of a head, met exactly, and work that stays linear.

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::HeadLimits;
using http::RequestHead;
using http::ResponseHead;

namespace {

std::string fields(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += fmt::format("X-{}: {}\r\n", i, i);
    }
    return text;
}

bool complete(std::string_view outcome) {
    return outcome.find(" bytes: ") != std::string::npos;
}

}  // namespace

TEST_CASE("a head of exactly the limit passes, one byte more doesn't") {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(complete(any_split<RequestHead>(bytes, {.bytes = bytes.size(), .count = 1})));
    CHECK(complete(any_split<RequestHead>(bytes + "body", {.bytes = bytes.size(), .count = 1})));
    for (std::size_t limit = 1; limit < bytes.size(); ++limit) {
        CAPTURE(limit);
        CHECK(any_split<RequestHead>(bytes, {.bytes = limit, .count = 1}) == kLargeRequest);
    }
    const std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
    CHECK(complete(any_split<ResponseHead>(answer, {.bytes = answer.size(), .count = 0})));
    CHECK(any_split<ResponseHead>(answer, {.bytes = answer.size() - 1, .count = 0}) ==
          "upstream too large");
}

TEST_CASE("a head that fills the limit without an end is too large at once") {
    const HeadLimits limits{.bytes = 64, .count = 10};
    const std::string endless_target = "GET /" + std::string(100, 'a');
    const std::string endless_value = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100, 'a');
    const std::string endless_name = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(100, 'a');
    for (const std::string& bytes : {endless_target, endless_value, endless_name}) {
        CHECK(head_outcome<RequestHead>(bytes.substr(0, 63), {}, limits) == kNeedMore);
        CHECK(head_outcome<RequestHead>(bytes.substr(0, 64), {}, limits) == kLargeRequest);
        CHECK(any_split<RequestHead>(bytes, limits) == kLargeRequest);
    }
    CHECK(any_split<ResponseHead>("HTTP/1.1 200 " + std::string(100, 'a'), limits) ==
          "upstream too large");
}

TEST_CASE("which error comes first decides, in whatever pieces") {
    const HeadLimits limits{.bytes = 40, .count = 1};
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";            // 25 bytes
    CHECK(any_split<RequestHead>(start + "X", limits) == kLargeRequest);  // a second field
    CHECK(any_split<RequestHead>(start + ": ", limits) == kLargeRequest);
    CHECK(any_split<RequestHead>("GET /\x01" + std::string(100, 'a'), limits) == kBadRequest);
    CHECK(any_split<RequestHead>("GET /" + std::string(100, 'a') + "\x01", limits) ==
          kLargeRequest);
    CHECK(any_split<RequestHead>("GET / HTTP/2.0\r\n" + std::string(100, 'a'), limits) ==
          kOtherVersion);
}

TEST_CASE("exactly so many fields pass") {
    for (const std::size_t count : {1U, 2U, 100U}) {
        CAPTURE(count);
        const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
        const HeadLimits limits{.bytes = 16 * 1024, .count = count};
        const std::string most = start + fields(count - 1) + "\r\n";
        const std::string more = start + fields(count) + "\r\n";
        CHECK(complete(head_outcome<RequestHead>(most, {}, limits)));
        CHECK(complete(head_outcome<RequestHead>(most, every(7, most.size()), limits)));
        CHECK(head_outcome<RequestHead>(more, {}, limits) == kLargeRequest);
        CHECK(head_outcome<RequestHead>(more, every(7, more.size()), limits) == kLargeRequest);
    }
}

TEST_CASE("the defaults are 16 KiB and 100 fields") {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string end = "\r\n\r\n";
    const std::size_t room = 16 * 1024 - start.size() - end.size();
    CHECK(complete(head_outcome<RequestHead>(start + std::string(room, 'a') + end)));
    CHECK(head_outcome<RequestHead>(start + std::string(room + 1, 'a') + end) == kLargeRequest);
    const std::string host = "GET / HTTP/1.1\r\nHost: a\r\n";
    CHECK(complete(head_outcome<RequestHead>(host + fields(99) + "\r\n")));
    CHECK(head_outcome<RequestHead>(host + fields(100) + "\r\n") == kLargeRequest);
}

TEST_CASE("a head that drips in is checked once a byte and read once more at its end") {
    const std::string bytes =
        "GET /" + std::string(1000, 'a') + " HTTP/1.1\r\nHost: a\r\n" + fields(20) + "\r\n";
    http::HeadScan scan;
    RequestHead head;
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        const auto taken =
            http::parse_request_head(std::string_view(bytes).substr(0, size), {}, scan, head);
        REQUIRE(taken.value_or(1) == 0);
        REQUIRE(scan.checked == size);
        REQUIRE(head.fields.size() <= 1);
    }
    CHECK(http::parse_request_head(bytes, {}, scan, head).value_or(0) == bytes.size());
    CHECK(head.fields.size() == 21);
    // Bytes that were checked aren't looked at again while the head is incomplete.
    http::HeadScan partial;
    std::string copy = bytes.substr(0, 500);
    REQUIRE(http::parse_request_head(copy, {}, partial, head).value_or(1) == 0);
    copy.assign(500, '\0');
    copy += "bbb";
    CHECK(http::parse_request_head(copy, {}, partial, head).value_or(1) == 0);
}
