#include "proxy/device/feed_document.h"

#include <chrono>
#include <cstdlib>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace eg::device {

namespace {

constexpr std::string_view kHead = R"({"cursor":"c1","full":true,"count":1})"
                                   "\n";

Result<FeedDocument> parse(std::string_view text, std::size_t piece = 1'000'000) {
    FeedParser parser;
    while (!text.empty()) {
        if (const auto taken = parser.push(text.substr(0, piece)); !taken) {
            return std::unexpected(taken.error());
        }
        text.remove_prefix(std::min(piece, text.size()));
    }
    return parser.finish();
}

/// The document of a full list of one device, given as its line.
Result<FeedDocument> parse_device(std::string_view line) {
    return parse(std::string(kHead) + std::string(line) + "\n");
}

bool device_is_good(std::string_view line) {
    return parse_device(line).has_value();
}

}  // namespace

TEST_CASE("a full list") {
    const std::string text =
        R"({"cursor":"c7","full":true,"count":2,"policy":{"only_secure_email":true,"x":1},"new":[]})"
        "\n"
        R"({"id":"ApplDN6","users":["alice","CORP\\alice","alice@corp.example"],"state":"allow","reason":"fine"})"
        "\n"
        R"({"id":"b-2","users":[],"state":"quarantined","keys":[")" +
        std::string(64, 'a') +
        R"("],"other":{"a":1}})"
        "\n";
    for (std::size_t piece = 1; piece <= text.size(); piece += 7) {
        auto document = parse(text, piece);
        REQUIRE(document);
        CHECK(document->full);
        CHECK(document->cursor == "c7");
        CHECK(document->policy({}).only_secure_email);
        const auto table = std::move(document->records).build();
        REQUIRE(table);
        REQUIRE(table->size() == 2);
        const Record first = table->find("appldn6")->copy();
        CHECK(first.users ==
              std::vector<std::string>{"alice", "CORP\\alice", "alice@corp.example"});
        CHECK(first.state == State::allow);
        CHECK(first.reason == "fine");
        const Record second = table->find("b-2")->copy();
        CHECK(second.users.empty());
        CHECK(second.state == State::deny);
        REQUIRE(second.keys.size() == 1);
        CHECK(second.keys[0][31] == 0xAA);
    }
}

TEST_CASE("a policy key that is absent keeps its value in a delta, not in a full list") {
    const auto delta = parse(R"({"cursor":"c","full":false,"count":0,"policy":{}})");
    REQUIRE(delta);
    CHECK(delta->policy({.only_secure_email = true}).only_secure_email);
    const auto full = parse(R"({"cursor":"c","full":true,"count":0})");
    REQUIRE(full);
    CHECK_FALSE(full->policy({.only_secure_email = true}).only_secure_email);
    const auto off =
        parse(R"({"cursor":"c","full":false,"count":0,"policy":{"only_secure_email":false}})");
    REQUIRE(off);
    CHECK_FALSE(off->policy({.only_secure_email = true}).only_secure_email);
}

TEST_CASE("lines that don't number count discard the response") {
    const std::string line = R"({"id":"a","users":[],"state":"allow"})"
                             "\n";
    CHECK(parse(std::string(kHead) + line));
    CHECK(parse(std::string(kHead) + line.substr(0, line.size() - 1)));
    CHECK_FALSE(parse(kHead));
    CHECK_FALSE(parse(std::string(kHead) + line + line));
    CHECK_FALSE(parse(std::string(kHead) + line + "\n"));
    CHECK_FALSE(parse(std::string(kHead) + line.substr(0, line.size() - 2)));
    CHECK_FALSE(parse(""));
    CHECK_FALSE(parse("\n"));
}

TEST_CASE("a line that isn't a device discards the response") {
    CHECK(device_is_good(R"({"id":"a","users":["x"],"state":"allow"})"));
    CHECK(device_is_good(R"( {"id":"a","users":[],"state":"","reason":null,"keys":null} )"));
    for (const char* line : {
             "",
             "{}",
             "[]",
             "null",
             R"({"users":[],"state":"allow"})",
             R"({"id":"","users":[],"state":"allow"})",
             R"({"id":7,"users":[],"state":"allow"})",
             R"({"id":"a","state":"allow"})",
             R"({"id":"a","users":"x","state":"allow"})",
             R"({"id":"a","users":[1],"state":"allow"})",
             R"({"id":"a","users":[]})",
             R"({"id":"a","users":[],"state":true})",
             R"({"id":"a","id":"b","users":[],"state":"allow"})",
             R"({"id":"a","users":[],"state":"deny","state":"allow"})",
             R"({"id":"a","users":[],"state":"allow","keys":["00"]})",
             R"({"id":"a","users":[],"state":"allow","keys":"00"})",
             R"({"id":"a","users":[],"state":"allow"} x)",
             R"({"id":"a\u0000b","users":[],"state":"allow"})",
             "{\"id\":\"a\xff\",\"users\":[],\"state\":\"allow\"}",
             R"({'id':'a','users':[],'state':'allow'})",
         }) {
        CAPTURE(line);
        CHECK_FALSE(device_is_good(line));
    }
}

TEST_CASE("a first line that isn't one discards the response") {
    CHECK(parse(R"({"cursor":"c","full":true,"count":0})"));
    for (const char* line : {
             R"({"full":true,"count":0})",
             R"({"cursor":"","full":true,"count":0})",
             R"({"cursor":5,"full":true,"count":0})",
             R"({"cursor":"c","count":0})",
             R"({"cursor":"c","full":"true","count":0})",
             R"({"cursor":"c","full":true})",
             R"({"cursor":"c","full":true,"count":-1})",
             R"({"cursor":"c","full":true,"count":0.0})",
             R"({"cursor":"c","full":true,"count":0,"policy":[]})",
             R"({"cursor":"c","full":true,"count":0,"policy":{"only_secure_email":"yes"}})",
             R"({"cursor":"c","cursor":"d","full":true,"count":0})",
         }) {
        CAPTURE(line);
        CHECK_FALSE(parse(line));
    }
    CHECK_FALSE(
        parse(fmt::format(R"({{"cursor":"{}","full":true,"count":0}})", std::string(5000, 'c'))));
}

TEST_CASE("a line has a limit, in one piece or many") {
    const auto device = [](std::size_t reason) {
        return fmt::format(R"({{"id":"a","users":[],"state":"deny","reason":"{}"}})",
                           std::string(reason, 'r'));
    };
    CHECK(device_is_good(device(65'000)));
    CHECK_FALSE(device_is_good(device(70'000)));
    FeedParser parser;
    REQUIRE(parser.push(kHead));
    CHECK_FALSE(parser.push(std::string(70'000, ' ')));
}

TEST_CASE("an absurd count costs nothing") {
    CHECK_FALSE(parse(R"({"cursor":"c","full":true,"count":9000000000000000000})"));
}

/// EASGATE_TEST_DEVICES=1000000 measures what a full sync costs the gate.
TEST_CASE("a large list is read in a moment") {
    const char* wanted = std::getenv("EASGATE_TEST_DEVICES");
    const std::size_t devices = wanted == nullptr ? 20'000 : std::strtoul(wanted, nullptr, 10);
    std::string text = fmt::format(R"({{"cursor":"c","full":true,"count":{}}})"
                                   "\n",
                                   devices);
    for (std::size_t i = 0; i < devices; ++i) {
        text += fmt::format(
            R"({{"id":"{:032X}","users":["user{}","CORP\\user{}","user{}@corp.example"],"state":"allow","reason":"compliant"}})"
            "\n",
            i, i, i, i);
    }
    const auto start = std::chrono::steady_clock::now();
    auto document = parse(text, 16 * 1024);
    REQUIRE(document);
    const auto parsed = std::chrono::steady_clock::now();
    const auto table = std::move(document->records).build();
    const auto built = std::chrono::steady_clock::now();
    const auto ms = [](auto span) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    };
    MESSAGE(devices << " lines: parsed in " << ms(parsed - start) << " ms, built in "
                    << ms(built - parsed) << " ms");
    CHECK(table->size() == devices);
}

}  // namespace eg::device
