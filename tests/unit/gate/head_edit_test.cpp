// What is sent on, both ways: written anew from what was parsed.

#include "proxy/gate/head_edit.h"

#include <array>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "proxy/http/parse.h"

using namespace eg;
using http::Framing;

namespace {

/// The fields that reach the mail server, between our Host and our framing.
std::string sent_on(const std::string& fields, Framing framing = {},
                    std::string_view method = "POST") {
    const std::string bytes =
        std::string(method) + " /x?Cmd=Sync HTTP/1.1\r\nHost: phone.side\r\n" + fields + "\r\n";
    http::HeadScan scan;
    http::RequestHead head;
    const auto taken = http::parse_request_head(bytes, {}, scan, head);
    REQUIRE(taken.value_or(0) == bytes.size());
    std::array<char, 4096> out;
    const gate::RequestEdit edit{.path = "/Microsoft-Server-ActiveSync",
                                 .query = "",
                                 .host = "mail.side",
                                 .client = "192.0.2.1",
                                 .request_id = "abc",
                                 .https = true,
                                 .framing = framing};
    const auto length = gate::write_upstream_head(head, edit, out);
    REQUIRE(length.has_value());
    std::string text(out.data(), *length);
    const std::string start = std::string(method) +
                              " /Microsoft-Server-ActiveSync?Cmd=Sync HTTP/1.1\r\n"
                              "Host: mail.side\r\n";
    const std::string end =
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc\r\n\r\n";
    REQUIRE(text.starts_with(start));
    REQUIRE(text.ends_with(end));
    return text.substr(start.size(), text.size() - start.size() - end.size());
}

std::string passed_back(const std::string& head_text, const gate::ResponseEdit& edit) {
    http::HeadScan scan;
    http::ResponseHead head;
    const auto taken = http::parse_response_head(head_text, {}, scan, head);
    REQUIRE(taken.value_or(0) == head_text.size());
    std::array<char, 4096> out;
    const auto length = gate::write_client_head(head, edit, out);
    REQUIRE(length.has_value());
    return {out.data(), *length};
}

constexpr Framing kFive{.kind = Framing::Kind::length, .length = 5};
constexpr Framing kChunked{.kind = Framing::Kind::chunked, .length = 0};

}  // namespace

TEST_CASE("fields that steer the mail server or say who the client is don't pass") {
    for (const std::string_view name : {"X-Original-URL",
                                        "X-Rewrite-URL",
                                        "X-HTTP-Method-Override",
                                        "X-HTTP-Method",
                                        "X-Method-Override",
                                        "Forwarded",
                                        "X-Forwarded-For",
                                        "X-Forwarded-Proto",
                                        "X-Forwarded-Host",
                                        "X-Forwarded-Anything",
                                        "X-Real-IP",
                                        "X-Client-IP",
                                        "X-CommonAccessToken",
                                        "X-Rps-CAT",
                                        "X-IsFromCafe",
                                        "X-SourceCafeServer",
                                        "X_Any",
                                        "User_Agent",
                                        "x-original-url",
                                        "X-RPS-cat",
                                        "X-Request-Id",
                                        "TE",
                                        "Trailer",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "Proxy-Authorization"}) {
        CAPTURE(name);
        CHECK(sent_on(std::string(name) + ": 1\r\n", kFive) == "Content-Length: 5\r\n");
    }
}

TEST_CASE("all else passes as it is, in its order") {
    const std::string fields =
        "User-Agent: Apple\r\nAuthorization: Basic YTpi\r\nX-MS-PolicyKey: 1\r\n"
        "MS-ASProtocolVersion: 16.1\r\nX-Forwarder: 1\r\nX-Original: 1\r\nAccept-Encoding: gzip\r\n"
        "Content-Type: application/vnd.ms-sync.wbxml\r\nX-Odd: a\tb\r\n";
    CHECK(sent_on(fields, kFive) == fields + "Content-Length: 5\r\n");
}

TEST_CASE("framing is ours") {
    CHECK(sent_on("Content-Length: 5\r\n", kFive) == "Content-Length: 5\r\n");
    CHECK(sent_on("Transfer-Encoding: chunked\r\n", kChunked) == "Transfer-Encoding: chunked\r\n");
    CHECK(sent_on("", {}) == "Content-Length: 0\r\n");
    CHECK(sent_on("", {}, "OPTIONS") == "");
    CHECK(sent_on("Expect: 100-continue\r\n", kFive) == "Content-Length: 5\r\n");
}

TEST_CASE("cookies that steer don't pass, others do") {
    CHECK(sent_on("Cookie: a=1; b=2\r\n", kFive) == "Cookie: a=1; b=2\r\nContent-Length: 5\r\n");
    for (const std::string_view cookie :
         {"X-BEResource=x", "X-AnonResource=true", "X-AnonResource-Backend=x", "SecurityToken=x",
          "x-beresource=x", " X-BEResource = x", "\"X-BEResource\"=x", "X-BEResource"}) {
        CAPTURE(cookie);
        const std::string text(cookie);
        CHECK(sent_on("Cookie: " + text + "\r\n", kFive) == "Content-Length: 5\r\n");
        CHECK(sent_on("Cookie: a=1; " + text + "; b=2\r\n", kFive) ==
              "Cookie: a=1; b=2\r\nContent-Length: 5\r\n");
        CHECK(sent_on("Cookie: a=1, " + text + "\r\n", kFive) ==
              "Cookie: a=1\r\nContent-Length: 5\r\n");
        CHECK(sent_on("Cookie: a=1\r\nCookie: " + text + "\r\n", kFive) ==
              "Cookie: a=1\r\nContent-Length: 5\r\n");
    }
    CHECK(sent_on("Cookie: X-BEResourceful=1\r\n", kFive) ==
          "Cookie: X-BEResourceful=1\r\nContent-Length: 5\r\n");
}

TEST_CASE("fields that Connection names end here") {
    CHECK(sent_on("Connection: X-Hop, close\r\nX-Hop: 1\r\nX-Stays: 1\r\n", kFive) ==
          "X-Stays: 1\r\nContent-Length: 5\r\n");
}

TEST_CASE("a Connection field that names what the request is judged by has two readings") {
    const auto nominates = [](const std::string& fields) {
        const std::string bytes = "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
        http::HeadScan scan;
        http::RequestHead head;
        REQUIRE(http::parse_request_head(bytes, {}, scan, head).value_or(0) == bytes.size());
        return gate::nominates_end_to_end(head);
    };
    CHECK_FALSE(nominates("Authorization: Basic YTpi\r\n"));
    CHECK_FALSE(nominates("Connection: keep-alive\r\nKeep-Alive: 5\r\n"));
    CHECK_FALSE(nominates("Connection: close, X-Hop\r\nX-Hop: 1\r\n"));
    CHECK(nominates("Connection: Authorization\r\nAuthorization: Basic YTpi\r\n"));
    CHECK(nominates("Connection: close, content-length\r\nContent-Length: 5\r\n"));
    CHECK(nominates("Connection: close\r\nConnection: Host\r\n"));
    CHECK(nominates("User-Agent: a\r\nConnection: User-Agent\r\n"));
    CHECK(nominates("Cookie: a=1\r\nConnection: cookie\r\n"));
}

TEST_CASE("a head that doesn't fit isn't sent in part") {
    const std::string bytes =
        "POST /x HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(200, 'x') + "\r\n\r\n";
    http::HeadScan scan;
    http::RequestHead head;
    REQUIRE(http::parse_request_head(bytes, {}, scan, head).value_or(0) == bytes.size());
    std::array<char, 150> out;
    const gate::RequestEdit edit{.path = "/",
                                 .query = "",
                                 .host = "m",
                                 .client = "c",
                                 .request_id = "r",
                                 .https = false,
                                 .framing = {}};
    CHECK_FALSE(gate::write_upstream_head(head, edit, out).has_value());
}

TEST_CASE("answers: what tells about the inside doesn't pass") {
    const std::string head =
        "HTTP/1.1 200 OK\r\nX-BEServer: a\r\nX-FEServer: a\r\nX-CalculatedBETarget: a\r\n"
        "X-DiagInfo: a\r\nServer: IIS\r\nX-Powered-By: a\r\nx-aspnet-version: a\r\n"
        "Proxy-Authenticate: a\r\nKeep-Alive: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
        "Content-Length: 9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        "MS-Server-ActiveSync: 15.2\r\nX-MS-Location: x\r\n\r\n";
    CHECK(passed_back(head, {.framing = kFive, .close = false, .http10 = false}) ==
          "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
          "MS-Server-ActiveSync: 15.2\r\nX-MS-Location: x\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("answers: cookies that steer aren't given to clients, others are") {
    for (const std::string cookie :
         {"X-BEResource=a", "x-anonresource=true; path=/", "X-AnonResource-Backend = a; Secure",
          "\"SecurityToken\"=a", "SecurityToken"}) {
        CAPTURE(cookie);
        CHECK(passed_back("HTTP/1.1 200 OK\r\nSet-Cookie: " + cookie +
                              "\r\nSet-Cookie: X-BackEndCookie=b\r\n\r\n",
                          {.framing = kFive, .close = false, .http10 = false}) ==
              "HTTP/1.1 200 OK\r\nSet-Cookie: X-BackEndCookie=b\r\nContent-Length: 5\r\n\r\n");
    }
    // The name counts, nothing after it.
    const std::string other =
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=X-BEResource=1; x=SecurityToken\r\n";
    CHECK(passed_back(other + "\r\n", {.framing = kFive, .close = false, .http10 = false}) ==
          other + "Content-Length: 5\r\n\r\n");
}

TEST_CASE("answers: framing and connection are ours") {
    const std::string ok = "HTTP/1.1 200 OK\r\n\r\n";
    const auto back = [&](const std::string& head, gate::ResponseEdit edit) {
        const std::string text = passed_back(head, edit);
        return text.substr(text.find("\r\n") + 2);
    };
    CHECK(back(ok, {.framing = kChunked, .close = false, .http10 = false}) ==
          "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(back(ok, {.framing = {}, .close = true, .http10 = false}) ==
          "Content-Length: 0\r\nConnection: close\r\n\r\n");
    CHECK(back(ok, {.framing = kFive, .close = false, .http10 = true}) ==
          "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n");
    const Framing until_close{.kind = Framing::Kind::until_close, .length = 0};
    CHECK(back(ok, {.framing = until_close, .close = true, .http10 = true}) ==
          "Connection: close\r\n\r\n");
    CHECK(back("HTTP/1.1 204 No Content\r\n\r\n",
               {.framing = {}, .close = false, .http10 = false}) == "\r\n");
    CHECK(back("HTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 7\r\n\r\n", {}) ==
          "Link: a\r\n\r\n");
}
