#include "proxy/base/units.h"

#include <doctest/doctest.h>

using namespace eg;

TEST_CASE("durations have digits and a unit") {
    struct Row {
        std::string_view text;
        std::int64_t milliseconds;
        std::string_view printed;
    };
    for (const Row& row : {
             Row{"0", 0, "0s"},
             Row{"0s", 0, "0s"},
             Row{"0ms", 0, "0s"},
             Row{"1ms", 1, "1ms"},
             Row{"1500ms", 1500, "1500ms"},
             Row{"1000ms", 1000, "1s"},
             Row{"30s", 30'000, "30s"},
             Row{"90s", 90'000, "90s"},
             Row{"120s", 120'000, "2m"},
             Row{"10m", 600'000, "10m"},
             Row{"24h", 86'400'000, "24h"},
             Row{"1d", 86'400'000, "24h"},
             Row{"36h", 129'600'000, "36h"},
             Row{"3660s", 3'660'000, "61m"},
             Row{"007s", 7'000, "7s"},
             Row{"9223372036854775807ms", 9'223'372'036'854'775'807, "9223372036854775807ms"},
         }) {
        CAPTURE(row.text);
        const auto duration = parse_duration(row.text);
        REQUIRE(duration.has_value());
        CHECK(duration->count() == row.milliseconds);
        CHECK(print_duration(*duration) == row.printed);
        CHECK(parse_duration(row.printed) == duration);
    }
}

TEST_CASE("no other durations") {
    for (const std::string_view text : {"",
                                        "s",
                                        "30",
                                        "1",
                                        "-1s",
                                        "+1s",
                                        " 1s",
                                        "1s ",
                                        "1 s",
                                        "1S",
                                        "1H",
                                        "1sec",
                                        "1.5s",
                                        "1e3s",
                                        "0x1s",
                                        "1s1s",
                                        "1m30s",
                                        "1min",
                                        "1us",
                                        "1w",
                                        "9223372036854775808ms",
                                        "18446744073709551616s",
                                        "9223372036854775807s",
                                        "999999999999999999999h"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
}

TEST_CASE("sizes are in powers of 1024") {
    struct Row {
        std::string_view text;
        std::uint64_t bytes;
        std::string_view printed;
    };
    for (const Row& row : {
             Row{"0", 0, "0B"},
             Row{"500", 500, "500B"},
             Row{"1B", 1, "1B"},
             Row{"16KiB", 16'384, "16KiB"},
             Row{"1536", 1'536, "1536B"},
             Row{"2048", 2'048, "2KiB"},
             Row{"10MiB", 10'485'760, "10MiB"},
             Row{"3GiB", 3'221'225'472, "3GiB"},
             Row{"1025MiB", 1'074'790'400, "1025MiB"},
         }) {
        CAPTURE(row.text);
        const auto size = parse_size(row.text);
        REQUIRE(size.has_value());
        CHECK(size->count == row.bytes);
        CHECK(print_size(*size) == row.printed);
        CHECK(parse_size(row.printed) == size);
    }
}

TEST_CASE("no other sizes") {
    for (const std::string_view text :
         {"", "B", "KiB", "-1", "+1", "1 KiB", "1KB", "1kB", "1K", "1k", "1M", "1kib", "1KIB",
          "1TiB", "1.5MiB", "0x10", "1KiB ", "8589934592GiB", "18446744073709551616"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text).has_value());
    }
    CHECK(kibibytes(16) == Bytes{16'384});
    CHECK(mebibytes(1) == Bytes{1'048'576});
    CHECK(kibibytes(1) < mebibytes(1));
}
