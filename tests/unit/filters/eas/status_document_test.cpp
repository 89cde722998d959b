#include "filters/eas/status_document.h"

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;

TEST_CASE("documents of a status are those of the reference, to the byte") {
    const auto rows = test::read_tsv("block_responses.tsv");
    REQUIRE(rows.size() > 100);
    for (const auto& row : rows) {
        CAPTURE(row.at(0));
        CAPTURE(row.at(1));
        const auto command = command_by_name(row.at(0));
        REQUIRE(command);
        const StatusDocument document(*command, static_cast<std::uint16_t>(std::stoi(row.at(1))));
        CHECK(document.view() == test::from_hex(row.at(3)));
    }
}

TEST_CASE("short status codes, and commands without a document") {
    CHECK(StatusDocument(Command::ping, 1).view() == test::from_hex("03016a00000d45470331000101"));
    CHECK(StatusDocument(Command::sync, 16).view() == test::from_hex("03016a00454e033136000101"));
    CHECK(StatusDocument(Command::meeting_response, 999).view() ==
          test::from_hex("03016a000008474a4b0339393900010101"));
    CHECK(StatusDocument(Command::get_attachment, 129).view().empty());
    CHECK(StatusDocument(Command::none, 129).view().empty());
}
