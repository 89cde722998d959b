#include "filters/autodiscover/request.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "filters/autodiscover/answer.h"
#include "filters/autodiscover/query.h"

using namespace eg::filters;
using namespace eg::filters::autodiscover;

namespace {

constexpr const char* kBase = "http://schemas.microsoft.com/exchange/autodiscover/";

std::string ask(std::string_view address, std::string_view request = "mobilesync",
                std::string_view answer = "mobilesync", std::string_view before = "") {
    return fmt::format(
        "{0}<Autodiscover xmlns=\"{1}{2}/requestschema/2006\"><Request>\r\n<EMailAddress>{3}"
        "</EMailAddress><AcceptableResponseSchema>{1}{4}/responseschema/2006"
        "</AcceptableResponseSchema></Request></Autodiscover>",
        before, kBase, request, address, answer);
}

struct Got {
    Asked asked;
    std::string address;
};

Got read(std::string_view body, std::size_t piece = 1'000'000) {
    RequestReader reader;
    for (std::size_t at = 0; at < body.size(); at += piece) {
        REQUIRE(reader.feed(body.substr(at, piece)) == Reason::none);
    }
    REQUIRE(reader.finish() == Reason::none);
    return {reader.asked(), reader.address()};
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a request for ActiveSync is known, with its address") {
    for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{5}, std::size_t{1}}) {
        CAPTURE(piece);
        const Got got = read(ask("alice@corp.example"), piece);
        CHECK(got.asked == Asked::active_sync);
        CHECK(got.address == "alice@corp.example");
    }
    CHECK(read(ask("\n  alice@corp.example\t")).address == "alice@corp.example");
    CHECK(read(ask("a@b", "mobilesync", "mobilesync", "<?xml version=\"1.0\" encoding=\"utf-8\"?>"))
              .asked == Asked::active_sync);
    const Got odd = read(ask("o&apos;neil&amp;co@corp.example"));
    CHECK(odd.asked == Asked::active_sync);
    CHECK(odd.address == "o'neil&co@corp.example");
}

TEST_CASE("requests for others, and what is no request") {
    CHECK(read(ask("a@b", "outlook", "outlook")).asked == Asked::other);
    CHECK(read(ask("a@b", "mobilesync", "outlook")).asked == Asked::other);
    const std::string good = ask("a@b");
    const std::vector<std::string> bad{
        "",
        "hello",
        "<Autodiscover/>",
        good.substr(0, good.size() - 3),
        good + "<more/>",
        ask(""),
        ask("alice"),
        ask("a@b@c"),
        ask("a@b/powershell"),
        ask("<x>a@b</x>"),
        ask("a@b</EMailAddress><EMailAddress>c@d"),
        ask("a@b", "mobilesync", "mobilesync", "<!DOCTYPE Autodiscover [<!ENTITY e 'a'>]>"),
        ask("a@b", "mobilesync", "mobilesync", "<?xml version=\"1.0\" encoding=\"utf-16\"?>"),
        ask("\xFF@b"),
        "\xFF\xFE" + ask("a@b"),
        ask(std::string(300, 'a') + "@b"),
        "<Autodiscover xmlns=\"urn:x\"><Request><EMailAddress>a@b</EMailAddress></Request>"
        "</Autodiscover>",
        "<a:Autodiscover xmlns:a=\"urn:x\"/>",
    };
    for (const std::string& body : bad) {
        CAPTURE(body);
        CHECK(read(body).asked == Asked::nothing);
        CHECK(read(body, 1).asked == Asked::nothing);
    }
}

TEST_CASE("a request in UTF-16 is none, although expat would read it") {
    std::string wide = "\xFF\xFE";
    for (const char c : ask("a@b")) {
        wide += std::string{c, '\0'};
    }
    CHECK(read(wide).asked == Asked::nothing);
    CHECK(read(wide.substr(2)).asked == Asked::nothing);
}

TEST_CASE("a body that is too long is refused") {
    RequestReader reader;
    Reason reason = Reason::none;
    for (int i = 0; i < 70 && reason == Reason::none; ++i) {
        reason = reader.feed(std::string(1000, ' '));
    }
    CHECK(reason == Reason::body_too_large);
}

TEST_CASE("the documents of version 1") {
    const Answer good =
        answer_xml(Asked::active_sync, "o'neil&co@corp.example", "https://mail.example.com:8443");
    CHECK(good.status == 200);
    CHECK(contains(good.type, "text/xml"));
    CHECK(contains(good.body, "<EMailAddress>o&apos;neil&amp;co@corp.example</EMailAddress>"));
    CHECK(contains(good.body,
                   "<Url>https://mail.example.com:8443/Microsoft-Server-ActiveSync</Url>"));
    CHECK(contains(good.body, "<Type>MobileSync</Type>"));
    CHECK(contains(answer_xml(Asked::nothing, "", "https://m").body, "<ErrorCode>600</ErrorCode>"));
    CHECK(contains(answer_xml(Asked::other, "a@b", "https://m").body, "<ErrorCode>601<"));
    CHECK_FALSE(contains(answer_xml(Asked::other, "a@b", "https://m").body, "a@b"));
}

TEST_CASE("the documents of version 2") {
    const auto answer = [](std::string_view query) {
        const auto read = read_query(query);
        REQUIRE(read);
        return answer_json(*read, "https://mail.example.com");
    };
    for (const char* query : {"Email=alice@corp.example&Protocol=ActiveSync&RedirectCount=3",
                              "email=alice%40corp.example&protocol=activesync"}) {
        CHECK(answer(query).status == 200);
        CHECK(answer(query).body == R"({"Protocol":"ActiveSync","Url":"https://mail.example.com/)"
                                    R"(Microsoft-Server-ActiveSync"})");
    }
    CHECK(answer("Email=a@b&Protocol=Ews").status == 400);
    CHECK(contains(answer("Email=a@b&Protocol=Ews").body, R"("ErrorCode":"InvalidProtocol")"));
    CHECK(contains(answer("Email=a@b").body, "MandatoryParameterMissing"));
    CHECK(contains(answer("Protocol=ActiveSync").body, "MandatoryParameterMissing"));
    CHECK(contains(answer("").body, "MandatoryParameterMissing"));
}

TEST_CASE("queries that have two readings, or lead elsewhere") {
    for (const char* query :
         {"@x/powershell", "@x/powershell&Email=a@b", "a=1&a=2", "Email=a@b&EMAIL=c@d", "x=@y",
          "x=%40y", "Email=a@b@c", "Email=autodiscover/autodiscover.json@b", "Email=a%4",
          "Email=a%0d%0a@b", "=x", "&a=b", "%40=1"}) {
        CAPTURE(query);
        CHECK_FALSE(read_query(query));
    }
    for (const char* text : {"@", "a=@", "a=%40", "a=%2540", "%25%34%30", "%", "%4", "%zz"}) {
        CAPTURE(text);
        CHECK(may_hold_at_sign(text));
    }
    for (const char* text : {"", "Protocol=ActiveSync", "a=%20b%2F"}) {
        CAPTURE(text);
        CHECK_FALSE(may_hold_at_sign(text));
    }
}
