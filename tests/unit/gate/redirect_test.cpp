// Where a mail server may send a phone.

#include "proxy/gate/redirect.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

using namespace eg;

namespace {

config::Instance instance(std::string name, std::string_view server, bool ssl, std::string url) {
    config::Instance made;
    made.name = std::move(name);
    made.ssl = ssl;
    made.activesync_server = HostPort::parse(server, ssl ? 443 : 80).value();
    made.public_url = std::move(url);
    return made;
}

gate::Redirects redirects() {
    config::Config config;
    config.instances = {
        instance("paris", "Mail-P.corp.example", true, "https://mail-p.example.com"),
        instance("berlin", "mail-b.corp.example", true, "https://mail-b.example.com:8443"),
        instance("twin", "mail-b.corp.example", true, "https://twin.example.com"),
        instance("plain", "10.0.0.5", false, "https://plain.example.com"),
        instance("odd", "10.0.0.5:8080", false, "https://odd.example.com"),
        instance("silent", "mail-s.corp.example", true, ""),
        instance("six", "[2001:db8::5]:444", true, "https://six.example.com"),
    };
    return {config, config.instances[2]};
}

constexpr std::string_view kPath = "/Microsoft-Server-ActiveSync";

struct Row {
    std::string_view url;
    std::string_view becomes;  // "" = nothing; the path of ActiveSync is appended
};

}  // namespace

TEST_CASE("a mailbox that has moved is found at the instance that publishes its server") {
    const gate::Redirects table = redirects();
    for (const Row& row : {
             Row{"https://mail-p.corp.example/Microsoft-Server-ActiveSync",
                 "https://mail-p.example.com"},
             Row{"https://MAIL-P.corp.example:443/microsoft-server-activesync?x=1",
                 "https://mail-p.example.com"},
             Row{"https://mail-p.corp.example", "https://mail-p.example.com"},
             Row{"https://mail-p.corp.example./x", "https://mail-p.example.com"},
             Row{"HTTPS://mail-p.corp.example/owa", "https://mail-p.example.com"},
             Row{"http://mail-p.corp.example/", "https://mail-p.example.com"},
             // its public name is as good
             Row{"https://mail-p.example.com/Microsoft-Server-ActiveSync",
                 "https://mail-p.example.com"},
             // without TLS on our side, Exchange says https all the same
             Row{"https://10.0.0.5/Microsoft-Server-ActiveSync", "https://plain.example.com"},
             Row{"http://10.0.0.5/", "https://plain.example.com"},
             Row{"http://10.0.0.5:8080/", "https://odd.example.com"},
             Row{"https://[2001:db8::5]:444/", "https://six.example.com"},
             // nobody's
             Row{"https://mail-x.corp.example/Microsoft-Server-ActiveSync", ""},
             Row{"https://mail-p.corp.example:8443/", ""},
             Row{"https://10.0.0.5:8081/", ""},
             Row{"https://corp.example/", ""},
             Row{"https://xmail-p.corp.example/", ""},
             // without public_url
             Row{"https://mail-s.corp.example/", ""},
             // the same mail server, though another instance publishes it as well
             Row{"https://mail-b.corp.example/Microsoft-Server-ActiveSync", ""},
             Row{"https://twin.example.com/", ""},
             // not a plain URL
             Row{"", ""},
             Row{"mail-p.corp.example", ""},
             Row{"//mail-p.corp.example/", ""},
             Row{"/Microsoft-Server-ActiveSync", ""},
             Row{"ftp://mail-p.corp.example/", ""},
             Row{"https://", ""},
             Row{"https:///", ""},
             Row{"https://user@mail-p.corp.example/", ""},
             Row{"https://mail-p.corp.example\\@evil/", ""},
             Row{"https://mail-p.corp.example:99999/", ""},
             Row{"https://mail-p.corp.example /", ""},
             Row{"https://mail-p.corp.example\t/", ""},
             Row{" https://mail-p.corp.example/", ""},
         }) {
        CAPTURE(row.url);
        const auto got = table.moved_to(row.url);
        CHECK(
            got.value_or("") ==
            (row.becomes.empty() ? std::string() : std::string(row.becomes) + std::string(kPath)));
    }
    CHECK_FALSE(table.moved_to("https://mail-p.corp.example/" + std::string(3000, 'x')));
}

TEST_CASE("a Location keeps what is published and no inside name") {
    const gate::Redirects table = redirects();
    for (const Row& row : {
             Row{"/Microsoft-Server-ActiveSync/", "/Microsoft-Server-ActiveSync/"},
             Row{"/a?b#c", "/a?b#c"},
             Row{"https://mail-p.corp.example/microsoft-server-activesync?Cmd=Sync",
                 "https://mail-p.example.com/microsoft-server-activesync?Cmd=Sync"},
             Row{"http://mail-b.corp.example/Microsoft-Server-ActiveSync",
                 "https://twin.example.com/Microsoft-Server-ActiveSync"},
             Row{"https://mail-p.corp.example/owa/", ""},
             Row{"https://mail-p.corp.example", ""},
             Row{"https://mail-s.corp.example/Microsoft-Server-ActiveSync", ""},
             Row{"https://elsewhere.example/Microsoft-Server-ActiveSync", ""},
             Row{"//mail-p.corp.example/x", ""},
             Row{"/\\mail-p.corp.example/x", ""},
             Row{"owa/auth.aspx", ""},
             Row{"", ""},
         }) {
        CAPTURE(row.url);
        CHECK(table.location(row.url).value_or("") == row.becomes);
    }
}
