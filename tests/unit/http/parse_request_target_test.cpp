// Forms of the request target (RFC 9112 3.2) and how they agree with Host.

#include <string>

#include <doctest/doctest.h>

#include "tests/support/http_rows.h"

using namespace eg;
using namespace eg::test;
using http::RequestHead;

namespace {

struct Row {
    std::string_view method;
    std::string_view target;
    std::string_view host;
    std::string_view outcome;  // path, " ?" and query if there is one; or the error
};

std::string request(const Row& row) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n\r\n", row.method, row.target, row.host);
}

void check(const Row& row) {
    const std::string bytes = request(row);
    CAPTURE(visible(bytes));
    if (row.outcome == kBadRequest) {
        check_request(bytes, kBadRequest);
        return;
    }
    const std::string whole = any_split<RequestHead>(bytes);
    REQUIRE(whole.find(" bytes: ") != std::string::npos);
    const RequestHead head = parsed<RequestHead>(bytes);
    std::string outcome(head.path);
    if (head.has_query) {
        outcome.append(" ?").append(head.query);
    }
    CHECK(outcome == row.outcome);
    CHECK(head.target == row.target);
    CHECK(head.host == row.host);
}

}  // namespace

TEST_CASE("origin-form: the path to the first question mark, nothing decoded") {
    for (const Row& row : {
             Row{"POST", "/", "a", "/"},
             Row{"POST", "/a/b", "a", "/a/b"},
             Row{"POST", "/a?", "a", "/a ?"},
             Row{"POST", "/a?b=c&d", "a", "/a ?b=c&d"},
             Row{"POST", "/a?b?c", "a", "/a ?b?c"},
             Row{"POST", "/?", "a", "/ ?"},
             Row{"POST", "/%2e%2E/%00", "a", "/%2e%2E/%00"},
             Row{"POST", "//b/c", "a", "//b/c"},
             Row{"POST", "/../owa;x", "a", "/../owa;x"},
             Row{"POST", "/http://b/", "a", "/http://b/"},
             Row{"POST", "/a\\b", "a", "/a\\b"},
             Row{"POST", "/*", "a", "/*"},
             Row{"POST", "/a@b", "a", "/a@b"},
             Row{"POST", "/\"<>[]^`{|}~", "a", "/\"<>[]^`{|}~"},
             Row{"OPTIONS", "/Microsoft-Server-ActiveSync", "a", "/Microsoft-Server-ActiveSync"},
         }) {
        check(row);
    }
}

TEST_CASE("absolute-form: the authority must be the Host field's") {
    for (const Row& row : {
             Row{"POST", "http://a/b", "a", "/b"},
             Row{"POST", "https://a/b?c", "a", "/b ?c"},
             Row{"POST", "HTTP://A.Example/b", "a.eXAMPLE", "/b"},
             Row{"POST", "http://a:80/b", "a", "/b"},
             Row{"POST", "http://a/b", "a:80", "/b"},
             Row{"POST", "https://a:443/b", "a", "/b"},
             Row{"POST", "https://a/b", "a:443", "/b"},
             Row{"POST", "https://a:8443/b", "a:8443", "/b"},
             Row{"POST", "https://[::1]:8443/b", "[::1]:8443", "/b"},
             Row{"POST", "http://a", "a", "/"},
             Row{"POST", "http://a?x", "a", "/ ?x"},
             Row{"POST", "http://a/?x", "a", "/ ?x"},
             Row{"OPTIONS", "http://a", "a", "*"},
             Row{"OPTIONS", "http://a/", "a", "/"},
             Row{"OPTIONS", "http://a?x", "a", "/ ?x"},
             Row{"POST", "http://a//b", "a", "//b"},
             Row{"POST", "http://a/b@c", "a", "/b@c"},
         }) {
        check(row);
    }
    for (const Row& row : {
             Row{"POST", "http://b/", "a", kBadRequest},
             Row{"POST", "http://a.example/", "a", kBadRequest},
             Row{"POST", "http://a:443/b", "a", kBadRequest},
             Row{"POST", "https://a:80/b", "a", kBadRequest},
             Row{"POST", "https://a/b", "a:80", kBadRequest},
             Row{"POST", "http://a:81/b", "a:80", kBadRequest},
             Row{"POST", "http://a:080/b", "a:80", kBadRequest},
             Row{"POST", "http://a:/b", "a", kBadRequest},
             Row{"POST", "http://u@a/b", "a", kBadRequest},
             Row{"POST", "http://u:p@a/b", "a", kBadRequest},
             Row{"POST", "http://a@b/c", "a", kBadRequest},
             Row{"POST", "http://@a/c", "a", kBadRequest},
             Row{"POST", "http://", "a", kBadRequest},
             Row{"POST", "http:///b", "a", kBadRequest},
             Row{"POST", "http://?b", "a", kBadRequest},
             Row{"POST", "http:/a/b", "a", kBadRequest},
             Row{"POST", "http:a/b", "a", kBadRequest},
             Row{"POST", "http:\\\\a\\b", "a", kBadRequest},
             Row{"POST", "http://a\\b", "a", kBadRequest},
             Row{"POST", "http://a;b/", "a", kBadRequest},
             Row{"POST", "http://a%2fb/", "a", kBadRequest},
             Row{"POST", "http://a,a/", "a", kBadRequest},
             Row{"POST", "http://[::1]/", "::1", kBadRequest},
             Row{"POST", "http://[::1/", "[::1]", kBadRequest},
             Row{"POST", "ftp://a/b", "a", kBadRequest},
             Row{"POST", "ws://a/b", "a", kBadRequest},
             Row{"POST", "file:///b", "a", kBadRequest},
             Row{"POST", "httpx://a/b", "a", kBadRequest},
             Row{"POST", "://a/b", "a", kBadRequest},
             Row{"POST", "javascript:alert(1)", "a", kBadRequest},
         }) {
        check(row);
    }
    // Without a Host field the authority can't be held against it.
    check_request("GET http://a/ HTTP/1.0\r\n\r\n", kBadRequest);
    check_request("GET http://a/ HTTP/1.1\r\n\r\n", kBadRequest);
}

TEST_CASE("asterisk-form is for OPTIONS, authority-form for nobody") {
    check({"OPTIONS", "*", "a", "*"});
    for (const Row& row : {
             Row{"POST", "*", "a", kBadRequest},
             Row{"GET", "*", "a", kBadRequest},
             Row{"options", "*", "a", kBadRequest},
             Row{"OPTIONS", "**", "a", kBadRequest},
             Row{"OPTIONS", "*?x", "a", kBadRequest},
             Row{"OPTIONS", "*/", "a", kBadRequest},
             Row{"OPTIONS", "a", "a", kBadRequest},
             Row{"OPTIONS", "a:80", "a", kBadRequest},
             Row{"GET", "a", "a", kBadRequest},
             Row{"GET", "a:80", "a:80", kBadRequest},
             Row{"GET", "a/b", "a", kBadRequest},
             Row{"GET", "?x", "a", kBadRequest},
             Row{"GET", ".", "a", kBadRequest},
             Row{"GET", "../x", "a", kBadRequest},
             Row{"GET", "\\x", "a", kBadRequest},
             Row{"GET", "%2Fx", "a", kBadRequest},
             Row{"CONNECT", "a:443", "a:443", kBadRequest},
             Row{"CONNECT", "/", "a", kBadRequest},
             Row{"CONNECT", "http://a/", "a", kBadRequest},
         }) {
        check(row);
    }
}

TEST_CASE("a target is of visible ASCII without a fragment") {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool good = byte > 0x20 && byte < 0x7F && c != '#';
        for (const std::string_view start : {"/a", "/a?b", "http://a/b"}) {
            const std::string target = std::string(start) + c + "z";
            const std::string bytes = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
            CAPTURE(visible(bytes));
            const std::string outcome = any_split<RequestHead>(bytes);
            CHECK((outcome == kBadRequest) == !good);
            if (good) {
                CHECK(parsed<RequestHead>(bytes).target == target);
            }
        }
    }
}

TEST_CASE("Host is needed once in HTTP/1.1 and valid everywhere") {
    struct HostRow {
        std::string_view fields;
        std::string_view in_11;
        std::string_view in_10;
    };
    constexpr std::string_view kGood = "";
    for (const HostRow& row : {
             HostRow{"", kBadRequest, kGood},
             HostRow{"Host: a\r\n", kGood, kGood},
             HostRow{"hOST:a:8443\r\n", kGood, kGood},
             HostRow{"X: y\r\nHost: [::1]\r\n", kGood, kGood},
             HostRow{"Host:\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: \t \r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a\r\nHost: a\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a\r\nhost: b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a\r\nX: y\r\nHost:\r\n", kBadRequest, kBadRequest},
             HostRow{"Host:\r\nHost: a\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a, b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a\tb\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: u@a\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a/b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: http://a\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a?b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a#b\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a:\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a:x\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a:65536\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: \xC3\xA4\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: ::1\r\n", kBadRequest, kBadRequest},
             HostRow{"Host: a'b\r\n", kBadRequest, kBadRequest},
             HostRow{"Hosts: a\r\n", kBadRequest, kGood},
             HostRow{"X-Host: a\r\n", kBadRequest, kGood},
             HostRow{"X-Forwarded-Host: a\r\n", kBadRequest, kGood},
         }) {
        for (const char minor : {'0', '1'}) {
            const std::string bytes = fmt::format("GET / HTTP/1.{}\r\n{}\r\n", minor, row.fields);
            CAPTURE(visible(bytes));
            const std::string outcome = any_split<RequestHead>(bytes);
            const std::string_view wanted = minor == '1' ? row.in_11 : row.in_10;
            CHECK((outcome == kBadRequest) == (wanted == kBadRequest));
            CHECK((outcome.find(" bytes: ") != std::string::npos) == (wanted == kGood));
        }
    }
}
