#include "proxy/http/authority.h"

#include <string>

#include <doctest/doctest.h>

using eg::http::read_authority;

TEST_CASE("an authority is a name or address, and a port or none") {
    struct Row {
        std::string_view text;
        std::string_view host;
        std::string_view port;
    };
    for (const Row& row : {
             Row{"mail.example.com", "mail.example.com", ""},
             Row{"MAIL.Example.COM:443", "MAIL.Example.COM", "443"},
             Row{"mail", "mail", ""},
             Row{"mail.example.com.", "mail.example.com.", ""},
             Row{"my_mail-1.example:8443", "my_mail-1.example", "8443"},
             Row{"192.0.2.1:1", "192.0.2.1", "1"},
             Row{"[::1]", "[::1]", ""},
             Row{"[2001:db8::1]:65535", "[2001:db8::1]", "65535"},
             Row{"[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]", "80"},
         }) {
        CAPTURE(row.text);
        const auto authority = read_authority(row.text);
        REQUIRE(authority.has_value());
        CHECK(authority->host == row.host);
        CHECK(authority->port == row.port);
    }
}

TEST_CASE("an odd authority is refused") {
    const std::string longest(253, 'a');
    CHECK(read_authority(longest).has_value());
    CHECK_FALSE(read_authority(longest + "a").has_value());
    for (const std::string_view text : {
             std::string_view(""),
             std::string_view(":443"),
             std::string_view("mail:"),
             std::string_view("mail:0"),
             std::string_view("mail:080"),
             std::string_view("mail:65536"),
             std::string_view("mail:18446744073709551617"),
             std::string_view("mail:+80"),
             std::string_view("mail:-1"),
             std::string_view("mail:8o"),
             std::string_view("mail: 80"),
             std::string_view("mail:80 "),
             std::string_view("mail:80:80"),
             std::string_view("mail:80/"),
             std::string_view(" mail"),
             std::string_view("ma il"),
             std::string_view("mail\t"),
             std::string_view("a.example,b.example"),
             std::string_view("a.example, b.example"),
             std::string_view("user@mail"),
             std::string_view("user:word@mail"),
             std::string_view("mail@"),
             std::string_view("mail/owa"),
             std::string_view("mail?x"),
             std::string_view("mail#x"),
             std::string_view("mail\\x"),
             std::string_view("mail;x"),
             std::string_view("mail%2eexample"),
             std::string_view("mail'"),
             std::string_view("mail\""),
             std::string_view("<mail>"),
             std::string_view("mail|x"),
             std::string_view("m\xC3\xA4il"),
             std::string_view("mail\0", 5),
             std::string_view("mail\0.example", 13),
             std::string_view("mail\x7F"),
             std::string_view(".mail"),
             std::string_view("."),
             std::string_view("mail..example"),
             std::string_view("*"),
             std::string_view("*.example"),
             std::string_view("::1"),
             std::string_view("2001:db8::1"),
             std::string_view("[::1"),
             std::string_view("::1]"),
             std::string_view("[]"),
             std::string_view("[]:80"),
             std::string_view("[::1]80"),
             std::string_view("[::1]:"),
             std::string_view("[::1]:0"),
             std::string_view("[::1]x:80"),
             std::string_view("[::1]]:80"),
             std::string_view("[[::1]]"),
             std::string_view("[::g]"),
             std::string_view("[::1%25eth0]"),
             std::string_view("[::1%eth0]"),
             std::string_view("[v1.fe80]"),
             std::string_view("[192.0.2.1]"),
             std::string_view("[mail]"),
             std::string_view("[::1\0]", 6),
             std::string_view("x[::1]"),
         }) {
        CAPTURE(text);
        CHECK_FALSE(read_authority(text).has_value());
    }
}
