#include "proxy/base/host_name.h"

#include <string>

#include <doctest/doctest.h>

TEST_CASE("names of hosts, and what a resolver may take for an address") {
    for (const char* name :
         {"push.example.com", "a", "A-1.b_c", "1.example", "0x7f.example", "3com"}) {
        CAPTURE(name);
        CHECK(eg::is_host_name(name));
    }
    const std::string label(63, 'x');
    CHECK(eg::is_host_name(label + ".x"));
    CHECK_FALSE(eg::is_host_name(label + "x.x"));
    CHECK_FALSE(eg::is_host_name(label + "." + label + "." + label + "." + label));
    for (const char* name :
         {"",      ".",         "a.",    ".a",         "a..b",       "-a",       "a-",
          "a b",   "127.0.0.1", "127.1", "2130706433", "0x7f000001", "a.0x1",    "a.1",
          "[::1]", "a:1",       "a/b",   "*",          "*.example",  "ä.example"}) {
        CAPTURE(name);
        CHECK_FALSE(eg::is_host_name(name));
    }
}
