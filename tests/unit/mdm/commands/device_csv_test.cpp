#include "mdm/commands/device_csv.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace eg;
using namespace eg::mdm;

namespace {

/// `A1 allow alice,bob (reason)` a line, or `line: message` of each problem.
std::string read(std::string_view text) {
    const DeviceList list = parse_device_csv(text);
    std::string all;
    for (const CsvProblem& problem : list.problems) {
        all += std::to_string(problem.line) + ": " + problem.message + '\n';
    }
    for (const device::Record& each :
         list.problems.empty() ? list.records : std::vector<device::Record>{}) {
        all += each.id + ' ' + std::string(device::to_string(each.state));
        for (std::size_t i = 0; i < each.users.size(); ++i) {
            all += (i == 0 ? " " : ",") + each.users[i];
        }
        all += each.keys.empty() ? "" : " with " + std::to_string(each.keys.size()) + " keys";
        all += (each.reason.empty() ? "" : " (" + each.reason + ")") + '\n';
    }
    return all;
}

bool says(std::string_view text, std::string_view part) {
    return read(text).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a list of devices") {
    CHECK(read("id,users,state,reason\n"
               "A1,alice;CORP\\bob,allow,\n"
               " A2 , alice ; ;bob@corp.example;,non_compliant,\"no PIN, no mail\"\n"
               "A3,,,\n") ==
          "A1 allow alice,CORP\\bob\nA2 non_compliant alice,bob@corp.example (no PIN, no mail)\nA3 "
          "allow\n");
    CHECK(read("state,id\ndeny,A1\n") == "A1 deny\n");
    CHECK(read("id\nA1\n") == "A1 allow\n");
    CHECK(read("id\n").empty());
    const std::string key(64, 'a');
    CHECK(read("id,keys\nA1," + key + ' ' + key + "\nA2,\n") == "A1 allow with 2 keys\nA2 allow\n");
    CHECK(says("id,keys\nA1,abc\n", "2: keys must be SHA-256 sums"));
}

TEST_CASE("the header line is needed and must be right") {
    CHECK(says("", "1: the file is empty"));
    CHECK(says("A1,alice,allow,\n", "1: the header names an unknown column 'A1'"));
    CHECK(says("id,user\n", "unknown column 'user'"));
    CHECK(says("ID\n", "unknown column 'ID'"));
    CHECK(says("users\n", "1: the header has no column 'id'"));
    CHECK(says("id,state,id\n", "1: the header names the column 'id' twice"));
    CHECK(says("\"id\n", "1: the quote"));
}

TEST_CASE("every wrong line is told at once") {
    CHECK(read("id,state\n"
               "A1,allow\n"
               "A2,allowed\n"
               "A3\n"
               ",deny\n"
               "a1,deny\n"
               "A5,removed\n"
               "A6,\"deny\"x\n") ==
          "3: unknown state 'allowed'; known are allow, deny, non_compliant, wipe\n"
          "4: 1 fields where the header has 2\n"
          "5: the device id is empty\n"
          "6: 'a1' is the same device as in line 2\n"
          "7: unknown state 'removed'; known are allow, deny, non_compliant, wipe\n"
          "8: a text follows a closing quote; a quote inside a field is written as two\n");
}

TEST_CASE("bytes that can't be shown aren't") {
    const std::string problems = read("id,state\nA1,\"\x1b[2J\"\n\xff,allow\n");
    CHECK(problems.find('\x1b') == std::string::npos);
    CHECK(problems.find("2: unknown state '?'") != std::string::npos);
    CHECK(problems.find("3: the device id") != std::string::npos);
}
