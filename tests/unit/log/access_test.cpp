#include "proxy/log/access.h"

#include <algorithm>
#include <limits>

#include <doctest/doctest.h>

#include "proxy/base/words.h"
#include "proxy/log/escape.h"
#include "proxy/log/plain_line.h"

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

TEST_CASE("a line that is written at once says what one with escapes says") {
    // Each byte at each place of values that are shorter than a word, one, and longer.
    for (std::size_t size = 1; size <= 20; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            for (unsigned byte = 0; byte < 256; ++byte) {
                std::string value(size, 'v');
                value[place] = static_cast<char>(byte);
                log::AccessRecord of = record();
                of.user = value;
                of.user_agent = value;
                std::string word = ".17 ";
                log::append_word(word, value);
                std::string quoted = "14.1 ";
                log::append_quoted(quoted, value);
                std::string user = R"("user":)";
                log::append_json_string(user, value);
                const std::string text = line(of);
                const std::string json = line(of, log::Format::json);
                const bool same = text.find(word + " Appl") != std::string::npos &&
                                  text.find(quoted + " allow") != std::string::npos &&
                                  json.find(user + ",") != std::string::npos;
                CAPTURE(text);
                CAPTURE(json);
                REQUIRE(same);
            }
        }
    }
}

TEST_CASE("what isn't a value has room in the longest line, behind what is there") {
    log::AccessRecord longest;
    longest.client = *IpAddress::parse("2001:db8:1111:2222:3333:4444:5555:6666");
    longest.status = std::numeric_limits<unsigned>::max();
    longest.bytes_in = longest.bytes_out = std::numeric_limits<std::uint64_t>::max();
    longest.total = longest.upstream = std::chrono::years(290);  // all that a time can hold
    longest.begin = WallTime(0s) - longest.total;
    for (const log::Format format : {log::Format::text, log::Format::json}) {
        std::string out = "before\n";
        log::append_access_line(out, longest, "", format);
        CHECK(out.size() + words::kBytes <= log::PlainLine::kRoom);
        CHECK(out.starts_with("before\n"));
        CHECK(out.ends_with(format == log::Format::json ? "}\n" : "\n"));
    }
}

TEST_CASE("a value that is cut, and hyphens that are none") {
    log::AccessRecord of = record();
    of.user = "-";
    const std::string large(2000, 'x');
    of.user_agent = large;
    CHECK(text(of).find(" 192.0.2.17 \\x2D ApplDN6") != std::string::npos);
    CHECK(text(of).find(std::string(1024, 'x') + "[cut]\" allow") != std::string::npos);
    CHECK(line(of, log::Format::json).find(R"("user":"-",)") != std::string::npos);
}
