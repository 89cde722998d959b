#include "mdm/api/feed_document.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;
using device::State;

namespace {

std::string line_of(const device::Record& one) {
    std::string line;
    append_feed_line(line, one);
    return line;
}

}  // namespace

TEST_CASE("the first line") {
    CHECK(feed_head("a.7", true, 3) ==
          "{\"cursor\":\"a.7\",\"full\":true,\"count\":3,\"policy\":{\"only_secure_email\":false}}"
          "\n");
    CHECK(feed_head("a.7", false, 0).find("\"full\":false,\"count\":0,") != std::string::npos);
}

TEST_CASE("a line a device") {
    CHECK(line_of(record("A1")) == "{\"id\":\"A1\",\"users\":[],\"state\":\"allow\"}\n");
    CHECK(line_of(record("A1", State::non_compliant, {"alice", "CORP\\bob"}, "no \"PIN\"")) ==
          "{\"id\":\"A1\",\"users\":[\"alice\",\"CORP\\\\bob\"],\"state\":\"non_compliant\","
          "\"reason\":\"no \\\"PIN\\\"\"}\n");
    CHECK(line_of(record("A1", State::removed)).find("\"removed\"") != std::string::npos);
    CHECK(line_of(record("a\x01z", State::wipe, {"ä"})) ==
          "{\"id\":\"a\\u0001z\",\"users\":[\"ä\"],\"state\":\"wipe\"}\n");
    device::Record bound = record("A1", State::allow, {}, "new");
    bound.keys.resize(2);
    bound.keys[1].fill(0xAB);
    std::string second;
    for (int i = 0; i < 32; ++i) {
        second += "ab";
    }
    CHECK(line_of(bound) == R"({"id":"A1","users":[],"state":"allow","reason":"new","keys":[")" +
                                std::string(64, '0') + R"(",")" + second + "\"]}\n");
}

TEST_CASE("a document has as many lines as its first one says, in pieces of bounded size") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq");
    std::vector<device::Record> many;
    for (int i = 0; i < 1234; ++i) {
        many.push_back(record("DEVICE" + std::to_string(i), State::allow, {"alice", "bob"}));
    }
    must(store.devices().import(hq.id, many));
    auto snapshot = must(FeedSnapshot::open(store.path, hq.id, std::nullopt));
    FeedDocument document(std::move(snapshot), feed_head("a.1", true, 1234));
    must(store.devices().remove(hq.id, "DEVICE7"));
    std::string all;
    bool failed = false;
    std::size_t pieces = 0;
    for (std::string piece; document.read(piece, failed); piece.clear()) {
        CHECK_FALSE(piece.empty());
        CHECK(piece.size() < 128 * 1024);
        all += piece;
        ++pieces;
    }
    CHECK_FALSE(failed);
    CHECK(pieces > 2);
    CHECK(std::count(all.begin(), all.end(), '\n') == 1235);
    CHECK(all.find("DEVICE1233") != std::string::npos);
}
