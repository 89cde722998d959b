#include "filters/eas/request.h"

#include <doctest/doctest.h>

#include "filters/eas/query.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;
using test::post;
using test::Request;

namespace {

Result<EasRequest> parse(const std::string& text) {
    const Request request(text);
    return parse_request(request.head());
}

/// The whole of a request as one line, so that a table shows it.
std::string show(const std::string& text) {
    const auto request = parse(text);
    if (!request) {
        return std::string(to_string(request.error().code));
    }
    std::string line(request->unknown_command ? "unknown" : name_of(request->command));
    for (const ShortText& said : {request->device_id, request->device_type, request->user}) {
        line += '|';
        line += said;
    }
    line += '|';
    line += version_text(request->protocol_version);
    if (request->has_policy_key) {
        line += '|' + std::to_string(request->policy_key);
    }
    return line;
}

const std::string kQ19 = "jQAJBBD77777777777777777777/BP////8BeA==";

}  // namespace

TEST_CASE("a plain query is read by name, in any order and case") {
    CHECK(show(post("Cmd=Sync&User=alice&DeviceId=A1&DeviceType=iPhone")) ==
          "Sync|A1|iPhone|alice|");
    CHECK(show(post("DeviceType=x&deviceid=a1&CMD=ping&user=b")) == "Ping|a1|x|b|");
    CHECK(show(post("Cmd=Sync&DeviceId=A1",
                    {{"MS-ASProtocolVersion", "14.1"}, {"X-MS-PolicyKey", "4294967295"}})) ==
          "Sync|A1|||14.1|4294967295");
    CHECK(show(post("Cmd=Sync&DeviceId=A1", {{"X-MS-PolicyKey", "4294967296"}})) == "Sync|A1|||");
    CHECK(show(post("Cmd=Sync&DeviceId=A1", {{"X-MS-PolicyKey", "abc"}})) == "Sync|A1|||");
}

TEST_CASE("names in another spelling are sent on as specified") {
    struct Case {
        const char* query;
        bool respelled;
        const char* sent;
    };
    for (const Case& c : {
             Case{"Cmd=Sync&User=a&DeviceId=A1&DeviceType=T", false,
                  "Cmd=Sync&User=a&DeviceId=A1&DeviceType=T"},
             {"cmd=Sync&USER=a%26b&deviceid=A1&devicetype=T&x=y", true,
              "Cmd=Sync&User=a%26b&DeviceId=A1&DeviceType=T&x=y"},
             {"&%43md=Sync&&DeviceId=A1&", true, "&Cmd=Sync&&DeviceId=A1&"},
             {"&cmd=", true, "&Cmd="},
             {"", false, ""},
             {"Cmd=Sync&DeviceId=A1&commandX=", false, "Cmd=Sync&DeviceId=A1&commandX="},
             {"collectionid=5&Cmd=Sync", false, "collectionid=5&Cmd=Sync"},
         }) {
        CAPTURE(c.query);
        EasRequest request;
        REQUIRE(read_plain_query(c.query, request));
        CHECK(request.respelled == c.respelled);
        CHECK(respell_query(c.query) == c.sent);
        EasRequest again;
        REQUIRE(read_plain_query(c.sent, again));
        CHECK_FALSE(again.respelled);
        CHECK(again.command == request.command);
        CHECK(again.user == request.user);
        CHECK(again.device_id == request.device_id);
    }
}

TEST_CASE("values are percent-decoded; '+' stays '+'") {
    CHECK(show(post("C%6dd=S%79nc&%44evice%49d=A%31&User=CORP%5Calice%40x")) ==
          "Sync|A1||CORP\\alice@x|");
    CHECK(show(post("Cmd=Sync&DeviceId=A+1&User=a+b")) == "Sync|A+1||a+b|");
    CHECK(show(post("Cmd=Sync&DeviceId=A1&User=m%C3%BCller")) == "Sync|A1||m\xC3\xBCller|");
    CHECK(show(post("Cmd=Sync&DeviceId=A1&User=m%FCller")) == "Sync|A1||m\xC3\xBCller|");
    CHECK(show(post("Cmd=Sync&DeviceId=A=B")) == "Sync|A=B|||");
    CHECK(show(post("Cmd=Sync&DeviceId=%FB%EF")) == "Sync|\xFB\xEF|||");
}

TEST_CASE("unknown parameters and empty pieces pass") {
    CHECK(show(post("Cmd=Sync&DeviceId=A1&foo=bar&X-Y_z.1=&SaveInSent=T")) == "Sync|A1|||");
    CHECK(show(post("&Cmd=Sync&&DeviceId=A1&")) == "Sync|A1|||");
    CHECK(show(post("Cmd=Sync&DeviceId=A1&User=&DeviceType=")) == "Sync|A1|||");
}

TEST_CASE("what a request lacks is left to the filters") {
    CHECK(show(post("")) == "||||");
    CHECK(show(post("Cmd=Sync")) == "Sync||||");
    CHECK(show(post("DeviceId=A1&x=y")) == "|A1|||");
    CHECK(show(post("Cmd=Sync&DeviceId=&x=y")) == "Sync||||");
    CHECK_FALSE(parse(post("Cmd=Sync&DeviceId=&x=y"))->has_device_id);
    CHECK(show(post("Cmd=Teleport&DeviceId=A1")) == "unknown|A1|||");
    CHECK(show(post("Cmd=&DeviceId=A1")) == "unknown|A1|||");
    CHECK(show(test::request_text("OPTIONS", "/Microsoft-Server-ActiveSync")) == "||||");
    CHECK(show(test::request_text("OPTIONS", "/Microsoft-Server-ActiveSync?User=a&DeviceId=A1")) ==
          "|A1||a|");
}

TEST_CASE("two readings of a plain query are refused") {
    const std::string rest = "&Cmd=Sync&DeviceId=A1";
    for (const std::string query : {
             "Cmd=Ping&DeviceId=A1?Cmd=Sync&DeviceId=B2",
             "?Cmd=Ping&DeviceId=A1",
             "Cmd=Sync&DeviceId=A1&DeviceId=A1",
             "Cmd=Sync&DeviceId=A1&deviceid=B2",
             "Cmd=Sync&DeviceId=A1&%44eviceId=B2",
             "Cmd=Sync&DeviceId=A1&d%65viceI%44=B2",
             "Cmd=Sync&DeviceId=A1&cmd=Ping",
             "Cmd=Sync&DeviceId=A1&x=1&X=2",
             "Cmd=Sync&DeviceId=A1&User",
             "Cmd=Sync&DeviceId=A1;DeviceId=B2",
             "Cmd=Sync&DeviceId=A1;x;DeviceId=B2",
             "Cmd=Sync;DeviceId=A1",
             "Cmd=Sync&DeviceId=A1&=x",
             "Cmd=Sync&DeviceId=A1&+DeviceId=B2",
             "Cmd=Sync&DeviceId=A1&%20DeviceId=B2",
             "Cmd=Sync&DeviceId=A1&DeviceId%00=B2",
             "Cmd=Sync&DeviceId=A1&DeviceId[]=B2",
             "Cmd=Sync&DeviceId=A1&DeviceId%5B%5D=B2",
             "Cmd=Sync&DeviceId=A1&%u0044eviceId=B2",
             "Cmd=Sync&DeviceId=A1&Dev%C4%B1ceId=B2",
             "Cmd=Sync&DeviceId=A1%",
             "Cmd=Sync&DeviceId=A1%4",
             "Cmd=Sync&DeviceId=A1%4g",
             "Cmd=Sync&DeviceId=A1%00",
             "Cmd=Sync&DeviceId=A1%0d%0aX",
             "Cmd=Sync&DeviceId=A1&User=a%09b",
             "Cmd=Sync&DeviceId=A1&User=a%7fb",
             "Cmd=Sync&DeviceId=A1&foo=a%01b",
             "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&Cmd=Sync",
         }) {
        CAPTURE(query);
        CHECK(show(post(query)) == "malformed");
    }
    CHECK(show(post(kQ19 + rest)) == "malformed");
    CHECK(show(post("Cmd=Sync&DeviceId=A1&" + kQ19)) == "malformed");
    CHECK(show(post("Cmd=Sync&" + std::string("jQAJBAFhAAA=") + "&DeviceId=A1")) == "malformed");
}

TEST_CASE("limits of a plain query") {
    CHECK(parse(post("Cmd=Sync&DeviceId=" + std::string(255, 'a'))).has_value());
    CHECK(show(post("Cmd=Sync&DeviceId=" + std::string(256, 'a'))) == "malformed");
    std::string query = "Cmd=Sync&DeviceId=A1";
    for (int i = 0; i < 30; ++i) {
        query += "&p" + std::to_string(i) + "=x";
    }
    CHECK(show(post(query)) == "Sync|A1|||");
    CHECK(show(post(query + "&more=x")) == "malformed");
}

TEST_CASE("a base64 query in all its spellings, and nothing beside it") {
    const std::string id("\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFB\xEF\xBE\xFF", 16);
    const std::string wanted = "Sync|" + id + "|x||14.1|4294967295";
    CHECK(show(post(kQ19)) == wanted);
    CHECK(show(post(kQ19, {{"MS-ASProtocolVersion", "14.1"}})) == wanted);
    CHECK(show(post(kQ19, {{"MS-ASProtocolVersion", "14.0"}})) == "malformed");
    CHECK(show(post(kQ19, {{"X-MS-PolicyKey", "1"}})) == wanted);
    // Text is left as it is: the value has been decoded once.
    CHECK(show(post("jQAJBAFhAAFi")) == "Sync|a|b||14.1");
    for (const std::string& query :
         {kQ19 + "=", kQ19 + "%", kQ19 + "%00", kQ19 + "A", "=" + kQ19, std::string("====")}) {
        CAPTURE(query);
        CHECK(show(post(query)) == "malformed");
    }
}

namespace {

/// A base64 query of `head` (14.1, Sync, en-US, id "a", no key, type "x") and these parameters.
std::string with_parameters(std::string_view parameters) {
    std::string bytes(
        "\x8D\x00\x09\x04\x01"
        "a\x00\x01x",
        9);
    return post(base64_encode(bytes.append(parameters)));
}

}  // namespace

TEST_CASE("parameters of a base64 query") {
    using namespace std::string_view_literals;
    CHECK(show(with_parameters("\x08\x05"
                               "alice"sv)) == "Sync|a|x|alice|14.1");
    CHECK(show(with_parameters("\x08\x00"sv)) == "Sync|a|x||14.1");
    CHECK(show(with_parameters("\x63\x02\x01\x0A"sv)) == "Sync|a|x||14.1");  // unknown: skipped
    CHECK(show(with_parameters("\x05\x02\x01\x0A\x63\x00\x08\x01z"sv)) == "Sync|a|x|z|14.1");
    for (const std::string_view parameters :
         {"\x08"sv, "\x08\x02z"sv, "\x63\x01"sv, "\x08\x01y\x08\x01z"sv, "\x63\x00\x63\x00"sv,
          "\x08\x02y\n"sv, "\x00\x01\x00"sv, "\x06\x01\x7F"sv, "\x07\x00"sv,
          "\x07\x02\x01\x01"sv}) {
        CAPTURE(to_hex(parameters));
        CHECK(show(with_parameters(parameters)) == "malformed");
    }
}

TEST_CASE("only versions of ActiveSync are versions") {
    for (const char* version : {"2.5", "12.0", "12.1", "14.0", "14.1", "16.0", "16.1"}) {
        CAPTURE(version);
        CHECK(show(post("Cmd=Sync&DeviceId=A1", {{"MS-ASProtocolVersion", version}})) ==
              "Sync|A1|||" + std::string(version));
    }
    for (const char* version : {"", "1.0", "14", "14.2", "014.1", "14.1, 16.1", "141", "x"}) {
        CAPTURE(version);
        CHECK(show(post("Cmd=Sync&DeviceId=A1", {{"MS-ASProtocolVersion", version}})) ==
              "malformed");
    }
    CHECK(show(post(base64_encode(std::string("\x8E\x00\x09\x04\x01"
                                              "a\x00\x00",
                                              8)))) == "malformed");
    CHECK(show(post(base64_encode(std::string("\x19\x00\x09\x04\x01"
                                              "a\x00\x00",
                                              8)))) == "Sync|a|||2.5");
}

TEST_CASE("fields that say one thing only stand once") {
    const std::string query = "Cmd=Sync&DeviceId=A1";
    CHECK(show(post(query, {{"MS-ASProtocolVersion", "14.1"}, {"ms-asprotocolversion", "14.1"}})) ==
          "malformed");
    CHECK(show(post(query, {{"X-MS-PolicyKey", "1"}, {"X-MS-PolicyKey", "1"}})) == "malformed");
    CHECK(show(post(query, {{"User-Agent", "a"}, {"User-Agent", "b"}})) == "malformed");
}
