#include "mdm/api/feed_question.h"

#include <string>

#include <doctest/doctest.h>

using namespace eg::mdm;

namespace {

/// `since wait`, `-` for no since, "malformed".
std::string read(const char* query) {
    const auto question = parse_question(query);
    return question ? question->since.value_or("-") + ' ' + std::to_string(question->wait.count())
                    : "malformed";
}

}  // namespace

TEST_CASE("what a gate asks") {
    CHECK(read("") == "- 0");
    CHECK(read("since=a.1&wait=55") == "a.1 55");
    CHECK(read("wait=55&since=a%2E1") == "a.1 55");
    CHECK(read("since=") == " 0");
    CHECK(read("since=a+b") == "a+b 0");
    CHECK(read("later=x&wait=0") == "- 0");
    CHECK(read("&&wait=1&") == "- 1");
}

TEST_CASE("a wait that is too long is cut to the longest") {
    CHECK(read("wait=300") == "- 300");
    CHECK(read("wait=301") == "- 300");
    CHECK(read("wait=18446744073709551615") == "- 300");
}

TEST_CASE("what can't be read is malformed") {
    for (const char* query : {"wait=", "wait", "wait=-1", "wait=+1", "wait=1s", "wait=1.5",
                              "wait=%31%", "wait=18446744073709551616", "wait=1&wait=1",
                              "since=a&since=b", "since=%zz", "later=%"}) {
        CAPTURE(query);
        CHECK(read(query) == "malformed");
    }
}
