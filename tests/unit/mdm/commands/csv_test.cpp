#include "mdm/commands/csv.h"

#include <string>

#include <doctest/doctest.h>

using namespace eg::mdm;

namespace {

/// Records as `line:field|field`, broken ones as `line!`, separated by spaces.
std::string read(std::string_view text) {
    CsvReader csv(text);
    std::string all;
    while (csv.next()) {
        all += (all.empty() ? "" : " ") + std::to_string(csv.line());
        if (!csv.error().empty()) {
            all += '!';
            continue;
        }
        for (std::size_t i = 0; i < csv.fields().size(); ++i) {
            all += (i == 0 ? ":" : "|") + csv.fields()[i];
        }
    }
    return all;
}

}  // namespace

TEST_CASE("records, fields and line numbers") {
    CHECK(read("").empty());
    CHECK(read("\n\r\n\n").empty());
    CHECK(read("a,b") == "1:a|b");
    CHECK(read("a,b\nc,d\n") == "1:a|b 2:c|d");
    CHECK(read("a,b\r\nc,d\r\n") == "1:a|b 2:c|d");
    CHECK(read("a\n\nb") == "1:a 3:b");
    CHECK(read(",\n") == "1:|");
    CHECK(read("a,,") == "1:a||");
    CHECK(read("\xEF\xBB\xBF"
               "a") == "1:a");
    CHECK(read(" a ,b") == "1: a |b");
}

TEST_CASE("quotes") {
    CHECK(read("\"a,b\",c") == "1:a,b|c");
    CHECK(read("\"\"") == "1:");
    CHECK(read("\"say \"\"no\"\"\"") == "1:say \"no\"");
    CHECK(read("\"a\nb\"\nc") == "1:a\nb 3:c");
    CHECK(read("\"a\r\nb\",c\r\nd") == "1:a\r\nb|c 3:d");
}

TEST_CASE("broken records are told apart, and reading goes on after them") {
    CHECK(read("a\"b\nc") == "1! 2:c");
    CHECK(read("\"a\"b,c\nd") == "1! 2:d");
    CHECK(read("\"a\" ,b\nd") == "1! 2:d");
    CHECK(read("a\n\"b\nc\n") == "1:a 2!");
    CHECK(read("\"a\"\rb\nc") == "1! 2:c");
}
