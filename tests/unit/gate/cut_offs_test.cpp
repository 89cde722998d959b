#include "proxy/gate/cut_offs.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

namespace eg::gate {

namespace {

CutOffs::Passed passed(std::string_view user, std::string_view device, std::string_view reason,
                       std::string_view agent = "Agent") {
    return {.user = user,
            .device_id = device,
            .user_agent = agent,
            .reason = reason,
            .at = WallTime(std::chrono::seconds(1'000'000))};
}

std::ptrdiff_t lines(const std::string& text) {
    return std::ranges::count(text, '\n');
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("who would be cut off is kept with the reason and the number of requests") {
    CutOffs table;
    CHECK(table.json_lines("hq").empty());
    table.note(passed("alice", "A", "device_unknown"));
    table.note(passed("alice", "A", "device_unknown"));
    table.note(passed("bob", "A", "user"));
    const std::string text = table.json_lines("hq");
    CHECK(lines(text) == 2);
    CHECK(has(text, R"("instance":"hq","user":"alice","device_id":"A","user_agent":"Agent")"));
    CHECK(has(text, R"("reason":"device_unknown","requests":2})"));
    CHECK(has(text, R"("reason":"user","requests":1})"));
}

TEST_CASE("what counts is how the last request went") {
    CutOffs table;
    table.note(passed("alice", "A", "device_unknown"));
    table.note(passed("alice", "A", "device_denied"));
    CHECK(has(table.json_lines("hq"), R"("reason":"device_denied","requests":1})"));
    table.note(passed("alice", "A", "", "Another"));
    CHECK(lines(table.json_lines("hq")) == 1);
    table.note(passed("alice", "A", ""));
    CHECK(table.json_lines("hq").empty());
}

TEST_CASE("strangers fill it up to its limit, with texts up to theirs, and forge nothing") {
    CutOffs table(2);
    const std::string endless(10'000, 'x');
    table.note(passed(endless, "A", "device_unknown"));
    table.note(passed("\",\"reason\":\"\n", "B", "device_unknown"));
    table.note(passed("carol", "C", "device_unknown"));
    table.note(passed("carol", "C", "device_unknown"));
    const std::string text = table.json_lines("hq");
    CHECK(text.size() < 1'000);
    CHECK(lines(text) == 3);
    CHECK(has(text, R"({"instance":"hq","left_out":2})"));
    table.note(passed(endless, "A", ""));
    table.note(passed("carol", "C", "device_unknown"));
    CHECK(has(table.json_lines("hq"), "carol"));
}

}  // namespace eg::gate
