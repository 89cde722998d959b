#include "proxy/base/decimal.h"

#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>

namespace eg {

TEST_CASE("numbers in decimal") {
    std::string text = "x=";
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, std::uint64_t{99},
          std::uint64_t{100}, std::uint64_t{999}, std::uint64_t{1000},
          std::numeric_limits<std::uint64_t>::max()}) {
        append_decimal(text, value);
        text += ' ';
    }
    CHECK(text == "x=0 9 10 99 100 999 1000 18446744073709551615 ");

    std::string digits(4, '?');
    CHECK(write_digits(digits.data(), 42, 4) == digits.data() + 4);
    CHECK(digits == "0042");
    write_digits(digits.data(), 123456, 4);
    CHECK(digits == "3456");
}

TEST_CASE("times in UTC") {
    struct Case {
        std::int64_t milliseconds;
        const char* text;
    };
    for (const Case& known : {
             Case{0, "1970-01-01T00:00:00.000Z"}, Case{-1, "1969-12-31T23:59:59.999Z"},
             Case{951'782'399'999, "2000-02-28T23:59:59.999Z"},
             Case{951'782'400'000, "2000-02-29T00:00:00.000Z"},
             Case{1'800'000'000'007, "2027-01-15T08:00:00.007Z"},
             Case{9'223'372'036'854, "2262-04-11T23:47:16.854Z"},  // the last that WallTime holds
         }) {
        std::string text;
        append_utc(text, WallTime(std::chrono::milliseconds(known.milliseconds)));
        CHECK(text == known.text);
    }
}

}  // namespace eg
