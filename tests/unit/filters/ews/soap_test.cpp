#include "filters/ews/soap.h"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "filters/ews/push_url.h"
#include "tests/support/soap.h"

using namespace eg;
using namespace eg::filters;
using test::Soap;

namespace {

const std::vector<std::string>& hosts() {
    static const std::vector<std::string> kHosts{"push.example.com"};
    return kHosts;
}

/// The reason, and that any way of cutting the body gives the same.
Reason judge(std::string_view body) {
    const auto by_pieces = [&](std::size_t size) {
        ews::SoapJudge judge(hosts());
        for (std::size_t at = 0; at < body.size(); at += size) {
            if (const Reason reason = judge.feed(body.substr(at, size)); reason != Reason::none) {
                return reason;
            }
        }
        return judge.finish();
    };
    const Reason whole = by_pieces(body.size() + 1);
    CHECK(by_pieces(1) == whole);
    CHECK(by_pieces(7) == whole);
    return whole;
}

}  // namespace

TEST_CASE("a push subscription to the inbox passes") {
    CHECK(judge(Soap{}.text()) == Reason::none);
    CHECK(judge("\xEF\xBB\xBF" + Soap{}.text()) == Reason::none);
    CHECK(judge(Soap{.declaration = ""}.text()) == Reason::none);
    CHECK(judge(Soap{.soap = "http://www.w3.org/2003/05/soap-envelope"}.text()) == Reason::none);
    CHECK(judge(Soap{.attributes = " SubscribeToAllFolders=\"false\""}.text()) == Reason::none);
    CHECK(judge(Soap{.header = "<s:Header><t:RequestServerVersion Version=\"Exchange2013\"/>"
                               "</s:Header>"}
                    .text()) == Reason::none);
    CHECK(judge(Soap{.more = "<t:CallerData>&lt;any&gt;</t:CallerData>"}.text()) == Reason::none);
}

TEST_CASE("everything else about a subscription is refused") {
    const auto refused = [](const Soap& soap) {
        CAPTURE(soap.text());
        CHECK(judge(soap.text()) == Reason::ews);
    };
    refused({.header = "<s:Header><t:ExchangeImpersonation><t:ConnectingSID>"
                       "<t:PrimarySmtpAddress>a@b</t:PrimarySmtpAddress></t:ConnectingSID>"
                       "</t:ExchangeImpersonation></s:Header>"});
    refused({.header = "<s:Header><t:SerializedSecurityContext/></s:Header>"});
    refused({.header = "<s:Header><t:ManagementRole/></s:Header>"});
    refused({.header = "<s:Header/><s:Header/>"});
    refused({.header = "<t:Header/>"});
    refused({.attributes = " SubscribeToAllFolders=\"true\""});
    refused({.attributes = " xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" "
                           "i:type=\"t:PullSubscriptionRequestType\""});
    refused({.folder = "<t:DistinguishedFolderId Id=\"calendar\"/>"});
    refused({.folder = "<t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox><t:EmailAddress>b@c"
                       "</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"});
    refused({.folder = "<t:DistinguishedFolderId/>"});
    refused({.folder = "<t:FolderId Id=\"AAA\"/>"});
    refused({.event = "StatusEvent"});
    refused({.minutes = "0"});
    refused({.minutes = "1441"});
    refused({.minutes = "1x"});
    refused({.more = "<t:URL>https://push.example.com/</t:URL>"});
    refused({.more = "<t:Other/>"});
    refused({.more = "text"});
    refused({.more = "<!-- a comment -->"});
    refused({.more = "<?pi?>"});
    refused({.request = "PullSubscriptionRequest"});
    refused({.request = "StreamingSubscriptionRequest"});
    refused({.operation = "Unsubscribe"});
    refused({.operation = "GetItem"});
    refused({.operation = "FindPeople"});
    refused({.messages = "http://schemas.microsoft.com/exchange/services/2006/types"});
    refused({.soap = "http://schemas.xmlsoap.org/soap/envelope"});
    refused({.after = "<m:GetItem/>"});
    refused({.declaration = "<?xml version=\"1.0\" encoding=\"utf-16\"?>"});
    refused({.declaration = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>"});
    refused({.declaration = "<!DOCTYPE s:Envelope>"});
    refused({.declaration = "<!DOCTYPE a [<!ENTITY b \"c\">]>"});
}

/// In UTF-16, as expat knows it by its mark.
static std::string wide(const std::string& text) {
    std::string made = "\xFF\xFE";
    for (const char c : text) {
        made += std::string{c, '\0'};
    }
    return made;
}

TEST_CASE("what isn't XML in UTF-8 can't be read") {
    const std::string whole = Soap{}.text();
    for (const std::string& body :
         {std::string("{}"), whole.substr(0, whole.size() - 1), whole + "x", whole + whole,
          Soap{.more = "<t:CallerData>\xE4</t:CallerData>"}.text(),
          Soap{.more = "<t:CallerData>&unknown;</t:CallerData>"}.text(),
          Soap{.more = "<u:CallerData/>"}.text(), std::string("<\0a/>", 5), wide(whole)}) {
        CAPTURE(body);
        CHECK(judge(body) == Reason::bad_request);
    }
    CHECK(judge(Soap{.declaration = "<?xml version=\"1.1\"?>"}.text()) != Reason::none);
}

TEST_CASE("a body has at most 64 KiB") {
    const std::size_t rest =
        ews::kMostBodyBytes - Soap{.more = "<t:CallerData></t:CallerData>"}.text().size();
    const auto long_one = [](std::size_t bytes) {
        return Soap{.more = "<t:CallerData>" + std::string(bytes, 'x') + "</t:CallerData>"}.text();
    };
    CHECK(judge(long_one(rest)) == Reason::none);
    CHECK(judge(long_one(rest + 1)) == Reason::ews);
}

TEST_CASE("notifications go to hosts on the list only") {
    CHECK(judge(Soap{.url = "\n  https://push.example.com/x\n"}.text()) == Reason::none);
    CHECK(judge(Soap{.url = "https://evil.example/"}.text()) == Reason::ews_push_host);
    CHECK(judge(Soap{.url = ""}.text()) == Reason::ews_push_host);

    const std::vector<std::string> one{"push.example.com"};
    const std::vector<std::string> any{"*"};
    struct Case {
        const char* url;
        bool one;
        bool any;
    };
    for (const Case& c : {
             Case{"https://push.example.com", true, true},
             {"HTTPS://PUSH.example.COM:8443/a?b=c", true, true},
             {"https://other.example.com/", false, true},
             {"https://push.example.com.evil.example/", false, true},
             {"http://push.example.com/", false, false},
             {"https://push.example.com./", false, false},
             {"https://user@push.example.com/", false, false},
             {"https://push.example.com\\@evil.example/", false, false},
             {"https://push.example.com#@evil.example/", false, false},
             {"https://push.example.com:0/", false, false},
             {"https://push.example.com:/", false, false},
             {"https://push.example.com:99999/", false, false},
             {"https://push.exa mple.com/", false, false},
             {"https://push%2eexample.com/", false, false},
             {"https://127.0.0.1/", false, false},
             {"https://127.1/", false, false},
             {"https://2130706433/", false, false},
             {"https://0x7f000001/", false, false},
             {"https://0x7f.1/", false, false},
             {"https://[::1]/", false, false},
             {"https://localhost/", false, false},
             {"https://", false, false},
             {"push.example.com", false, false},
         }) {
        CAPTURE(c.url);
        CHECK(ews::is_push_url_permitted(c.url, one) == c.one);
        CHECK(ews::is_push_url_permitted(c.url, any) == c.any);
        CHECK_FALSE(ews::is_push_url_permitted(c.url, {}));
    }
}
