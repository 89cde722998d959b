#include "proxy/log/access.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace eg;
using namespace std::chrono_literals;

namespace {

log::AccessRecord record() {
    log::AccessRecord record;
    record.begin = WallTime(1'795'323'600s);
    record.instance = "exchange-hq";
    record.request_id = "5f2e9c1a77aa4b11";
    record.client = *IpAddress::parse("192.0.2.17");
    record.user = "alice";
    record.device_id = "ApplDN6GH1234567";
    record.device_type = "iPhone";
    record.command = "Sync";
    record.protocol = "14.1";
    record.user_agent = "Apple-iPhone 15/1702.1";
    record.allowed = true;
    record.reason = "none";
    record.status = 200;
    record.bytes_in = 1234;
    record.bytes_out = 56789;
    record.total = 12'345us;
    record.upstream = 9'000us;
    return record;
}

std::string line(const log::AccessRecord& of, log::Format format = log::Format::text) {
    std::string out;
    log::append_access_line(out, of, "mailgate-1", format);
    return out;
}

/// Behind the time, which depends on the zone of this machine.
std::string text(const log::AccessRecord& of) {
    return line(of).substr(30);
}

}  // namespace

TEST_CASE("a text line has the values in their order") {
    CHECK(text(record()) ==
          "access mailgate-1 exchange-hq 5f2e9c1a77aa4b11 192.0.2.17 alice ApplDN6GH1234567 iPhone "
          "Sync 14.1 \"Apple-iPhone 15/1702.1\" allow none 200 1234 56789 13 9\n");
}

TEST_CASE("values that are missing are hyphens, numbers zeros") {
    log::AccessRecord empty;
    empty.reason = "malformed";
    CHECK(text(empty) ==
          "access mailgate-1 - - 0.0.0.0 - - - - - \"-\" refuse malformed 0 0 0 0 0\n");
}

TEST_CASE("the time is the end of the transaction") {
    log::AccessRecord held = record();
    const std::string begin = line(held).substr(0, 23);
    held.total += 3600s;
    CHECK(line(held).substr(0, 23) > begin);
}

TEST_CASE("milliseconds are rounded up, so that 0 means never") {
    log::AccessRecord quick = record();
    quick.total = 1us;
    quick.upstream = 0us;
    CHECK(text(quick).ends_with(" 1 0\n"));
    quick.total = 1000us;
    CHECK(text(quick).ends_with(" 1 0\n"));
    quick.total = 1001us;
    CHECK(text(quick).ends_with(" 2 0\n"));
    quick.total = -5us;  // a clock that was set back
    CHECK(text(quick).ends_with(" 0 0\n"));
}

TEST_CASE("an IPv6 client") {
    log::AccessRecord six = record();
    six.client = *IpAddress::parse("2001:db8::1");
    CHECK(text(six).find(" 2001:db8::1 ") != std::string::npos);
}

TEST_CASE("a JSON line has the same values as keys") {
    CHECK(line(record(), log::Format::json).substr(38) ==
          R"(","kind":"access","node":"mailgate-1","instance":"exchange-hq",)"
          R"("request_id":"5f2e9c1a77aa4b11","client":"192.0.2.17","user":"alice",)"
          R"("device_id":"ApplDN6GH1234567","device_type":"iPhone","command":"Sync",)"
          R"("protocol":"14.1","user_agent":"Apple-iPhone 15/1702.1","verdict":"allow",)"
          R"("reason":"none","status":200,"bytes_in":1234,"bytes_out":56789,"total_ms":13,)"
          R"("upstream_ms":9})"
          "\n");
}

TEST_CASE("no value can make a second line or a further value") {
    const std::string_view hostile = "a\" refuse x\r\n2026-01-01 access \x1b[31m\\\xff";
    for (auto member :
         {&log::AccessRecord::user, &log::AccessRecord::device_id, &log::AccessRecord::device_type,
          &log::AccessRecord::command, &log::AccessRecord::protocol, &log::AccessRecord::user_agent,
          &log::AccessRecord::instance, &log::AccessRecord::request_id}) {
        log::AccessRecord forged = record();
        forged.*member = hostile;
        const std::string out = line(forged);
        CHECK(out.find('\n') == out.size() - 1);
        CHECK(std::ranges::count(out, '"') == 2);
        CHECK(out.find('\x1b') == std::string::npos);
        // Outside the quotes there are exactly the spaces between the values.
        std::size_t spaces = 0;
        bool quoted = false;
        for (const char c : out) {
            quoted = quoted != (c == '"');
            spaces += !quoted && c == ' ' ? 1 : 0;
        }
        CHECK(spaces == 18);
    }
}
