#include "mdm/api/cursor.h"

#include <doctest/doctest.h>

using namespace eg::mdm;

TEST_CASE("a cursor reads back with its own feed only") {
    const std::string cursor = print_cursor("00ff00ff00ff00ff", 42);
    CHECK(parse_cursor(cursor, "00ff00ff00ff00ff") == 42);
    CHECK_FALSE(parse_cursor(cursor, "00ff00ff00ff00fe"));
    for (const char* other :
         {"", "42", "00ff00ff00ff00ff", "00ff00ff00ff00ff.", "00ff00ff00ff00ff.-1",
          "00ff00ff00ff00ff.1 ", "00ff00ff00ff00ff.0x1", "00ff00ff00ff00ff:42",
          "00ff00ff00ff00ff.9223372036854775808", "'; DROP TABLE devices"}) {
        CAPTURE(other);
        CHECK_FALSE(parse_cursor(other, "00ff00ff00ff00ff"));
    }
}
