#include "proxy/base/ip.h"

#include <netinet/in.h>

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace eg;

TEST_CASE("addresses are read in their standard spellings") {
    struct Row {
        std::string_view text;
        std::string_view printed;
        bool v4;
    };
    for (const Row& row : {
             Row{"192.0.2.1", "192.0.2.1", true},
             Row{"0.0.0.0", "0.0.0.0", true},
             Row{"255.255.255.255", "255.255.255.255", true},
             Row{"::", "::", false},
             Row{"::1", "::1", false},
             Row{"2001:DB8:0:0::1", "2001:db8::1", false},
             Row{"fe80::1", "fe80::1", false},
             Row{"::ffff:192.0.2.1", "192.0.2.1", true},
             Row{"::FFFF:c000:0201", "192.0.2.1", true},
         }) {
        CAPTURE(row.text);
        const auto address = IpAddress::parse(row.text);
        REQUIRE(address.has_value());
        CHECK(address->to_string() == row.printed);
        CHECK(address->is_v4() == row.v4);
    }
    CHECK(IpAddress::parse("::ffff:10.0.0.1") == IpAddress::parse("10.0.0.1"));
    CHECK(IpAddress::parse("::")->is_unspecified());
    CHECK(IpAddress::parse("0.0.0.0")->is_unspecified());
    CHECK_FALSE(IpAddress::parse("::1")->is_unspecified());
    CHECK_FALSE(IpAddress::parse("::") == IpAddress::parse("0.0.0.0"));
}

TEST_CASE("no other addresses") {
    for (const std::string_view text : {
             std::string_view(""),
             std::string_view("1"),
             std::string_view("1.2.3"),
             std::string_view("1.2.3.4.5"),
             std::string_view("1.2.3.256"),
             std::string_view("1.2.3.-4"),
             std::string_view("01.2.3.4"),
             std::string_view("1.2.3.4 "),
             std::string_view(" 1.2.3.4"),
             std::string_view("0x7f.0.0.1"),
             std::string_view("2130706433"),
             std::string_view("[::1]"),
             std::string_view(":"),
             std::string_view(":::"),
             std::string_view("1:2:3:4:5:6:7"),
             std::string_view("1:2:3:4:5:6:7:8:9"),
             std::string_view("::g"),
             std::string_view("::12345"),
             std::string_view("fe80::1%eth0"),
             std::string_view("::1/128"),
             std::string_view("localhost"),
             std::string_view("1.2.3.4\0", 8),
             std::string_view("1.2.3.4\0x", 9),
             std::string_view("::1\0", 4),
             std::string_view("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"),
         }) {
        CAPTURE(text);
        CHECK_FALSE(IpAddress::parse(text).has_value());
    }
}

TEST_CASE("a network contains the addresses that share its prefix") {
    struct Row {
        std::string_view network;
        std::string_view address;
        bool inside;
    };
    for (const Row& row : {
             Row{"10.0.0.0/8", "10.255.255.255", true},
             Row{"10.0.0.0/8", "11.0.0.0", false},
             Row{"10.0.0.0/8", "::ffff:10.1.2.3", true},
             Row{"10.1.2.3/8", "10.9.9.9", true},
             Row{"192.0.2.128/25", "192.0.2.128", true},
             Row{"192.0.2.128/25", "192.0.2.127", false},
             Row{"192.0.2.4/30", "192.0.2.7", true},
             Row{"192.0.2.4/30", "192.0.2.8", false},
             Row{"192.0.2.1", "192.0.2.1", true},
             Row{"192.0.2.1/32", "192.0.2.0", false},
             Row{"0.0.0.0/0", "255.255.255.255", true},
             Row{"0.0.0.0/0", "::1", false},
             Row{"::/0", "::1", true},
             Row{"::/0", "1.2.3.4", false},
             Row{"2001:db8::/33", "2001:db8:7fff::1", true},
             Row{"2001:db8::/33", "2001:db8:8000::1", false},
             Row{"::1/128", "::1", true},
             Row{"::1", "::2", false},
         }) {
        CAPTURE(row.network);
        CAPTURE(row.address);
        const auto network = Cidr::parse(row.network);
        REQUIRE(network.has_value());
        CHECK(network->contains(*IpAddress::parse(row.address)) == row.inside);
    }
    CHECK(Cidr::parse("10.0.0.0/8")->to_string() == "10.0.0.0/8");
    CHECK(Cidr::parse("::1")->to_string() == "::1/128");
    for (const std::string_view text :
         {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8",
          "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0/4294967304"}) {
        CAPTURE(text);
        CHECK_FALSE(Cidr::parse(text).has_value());
    }
}

TEST_CASE("a socket address is an address and a port") {
    struct Row {
        std::string_view text;
        std::string_view printed;
    };
    for (const Row& row : {
             Row{"192.0.2.1:443", "192.0.2.1:443"},
             Row{"0.0.0.0:0", "0.0.0.0:0"},
             Row{"[::1]:65535", "[::1]:65535"},
             Row{"*:8443", "[::]:8443"},
         }) {
        CAPTURE(row.text);
        const auto address = SocketAddress::parse(row.text);
        REQUIRE(address.has_value());
        CHECK(address->to_string() == row.printed);
        sockaddr_storage native{};
        const socklen_t length = address->to_native(native);
        CHECK(length == (address->address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
        CHECK(SocketAddress::from_native(native) == *address);
    }
    for (const std::string_view text : {"",
                                        ":",
                                        ":443",
                                        "192.0.2.1",
                                        "192.0.2.1:",
                                        "192.0.2.1:65536",
                                        "192.0.2.1:0443",
                                        "192.0.2.1:x",
                                        "192.0.2.1:-1",
                                        "192.0.2.1: 1",
                                        "::1:443",
                                        "[::1]",
                                        "[::1]443",
                                        "[::1]:",
                                        "[192.0.2.1]:443",
                                        "[]:443",
                                        "[[::1]]:443",
                                        "[*]:443",
                                        "mail:443",
                                        "**:443",
                                        "[::1:443"}) {
        CAPTURE(text);
        CHECK_FALSE(SocketAddress::parse(text).has_value());
    }
}

TEST_CASE("a mapped address of the kernel is an IPv4 address") {
    sockaddr_storage native{};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(443);
    REQUIRE(SocketAddress::parse("[::1]:443")->to_native(native) == sizeof v6);
    const std::array<unsigned char, 16> mapped{0, 0, 0,    0,    0,   0, 0, 0,
                                               0, 0, 0xFF, 0xFF, 192, 0, 2, 1};
    CHECK(IpAddress::from_bytes(mapped.data(), mapped.size()) == IpAddress::parse("192.0.2.1"));
    CHECK(IpAddress::from_bytes(mapped.data() + 12, 4) == IpAddress::parse("192.0.2.1"));
    CHECK(SocketAddress::from_native({}) == SocketAddress{});
}

TEST_CASE("a host by name or address, with a port or the default") {
    struct Row {
        std::string_view text;
        std::string_view host;
        std::uint16_t port;
        std::string_view printed;
    };
    for (const Row& row : {
             Row{"mail.corp.example", "mail.corp.example", 443, "mail.corp.example"},
             Row{"mail.corp.example:8443", "mail.corp.example", 8443, "mail.corp.example:8443"},
             Row{"mail:443", "mail", 443, "mail"},
             Row{"192.0.2.1", "192.0.2.1", 443, "192.0.2.1"},
             Row{"192.0.2.1:1", "192.0.2.1", 1, "192.0.2.1:1"},
             Row{"[::1]", "::1", 443, "[::1]"},
             Row{"[::1]:65535", "::1", 65535, "[::1]:65535"},
         }) {
        CAPTURE(row.text);
        const auto host = HostPort::parse(row.text, 443);
        REQUIRE(host.has_value());
        CHECK(host->host == row.host);
        CHECK(host->port == row.port);
        CHECK(host->to_string(443) == row.printed);
    }
    const std::string longest(253, 'a');
    CHECK(HostPort::parse(longest, 1).has_value());
    CHECK_FALSE(HostPort::parse(longest + "a", 1).has_value());
    for (const std::string_view text : {"",
                                        ":443",
                                        "mail:",
                                        "mail:0",
                                        "mail:65536",
                                        "mail:0443",
                                        "mail:x",
                                        "mail:1:2",
                                        "ma il",
                                        "mail/",
                                        "https://mail",
                                        "user@mail",
                                        "m\xC3\xA4il",
                                        "::1",
                                        "[::1",
                                        "[::1]x",
                                        "[::1]:",
                                        "[]",
                                        "[mail]",
                                        "[192.0.2.1]",
                                        "[192.0.2.1]:443",
                                        "mail,mail",
                                        "*"}) {
        CAPTURE(text);
        CHECK_FALSE(HostPort::parse(text, 443).has_value());
    }
}
