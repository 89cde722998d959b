#include "filters/bearer.h"

#include <doctest/doctest.h>

#include "filters/claims.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;

namespace {

std::string show_token(std::string_view token) {
    const auto names = read_bearer(token);
    if (!names) {
        return std::string(to_string(names.error().code));
    }
    std::string text;
    for (const std::string& name : *names) {
        text += '<' + name + '>';
    }
    return text;
}

std::string show(std::string_view json) {
    return show_token(test::bearer(json).substr(7));
}

}  // namespace

TEST_CASE("the names in a token") {
    CHECK(show(R"({"upn":"alice@corp.example","aud":"x"})") == "<alice@corp.example>");
    CHECK(show(R"({"unique_name":"CORP\\alice"})") == "<CORP\\alice>");
    CHECK(show(R"({"unique_name":"a","upn":"b"})") == "<b><a>");
    CHECK(show(R"({"upn":"m\u00fcller"})") == "<m\xC3\xBCller>");
    CHECK(show(R"({"UPN":"alice"})") == "<alice>");
    CHECK(show(R"({"upn":""})") == "<>");
    CHECK(show(R"({"preferred_username":"alice"})").empty());
}

TEST_CASE("two readings of a token are refused") {
    CHECK(show(R"({"upn":"a","upn":"a"})") == "malformed");
    CHECK(show(R"({"upn":"a","\u0075pn":"b"})") == "malformed");
    CHECK(show(R"({"upn":"a","UPN":"b"})") == "malformed");
    CHECK(show(R"({"x":{"y":[{"z":1,"z":2}]},"upn":"a"})") == "malformed");
    CHECK(show(R"({"aud":1,"aud":1,"upn":"a"})") == "malformed");
    CHECK(show(R"({"upn":"a\n"})") == "malformed");
    CHECK(show(R"({"upn":"a\u007f"})") == "malformed");
}

TEST_CASE("what is no token, or names nobody") {
    for (const char* json : {"", "[]", "1", "\"upn\"", "{", "{}", R"({"upn":1})", R"({"upn":null})",
                             R"({"upn":["alice"]})", R"({"upn":"a"} x)", R"({"upn":"a)",
                             R"({"upn":"a\u0000b"})", "{\"upn\":\"\xFF\"}"}) {
        CAPTURE(json);
        CHECK(show(json).empty());
    }
    for (const char* token : {"", ".", "..", "opaque", "a.b", "EwB4A8l6BAAU.x.y.z", "a.!!!.b",
                              "e30.e30=.x", "e30.e30.e30.e30.e30"}) {
        CAPTURE(token);
        CHECK(show_token(token).empty());
    }
    CHECK(show(std::string(5000, '[')).empty());
}

TEST_CASE("a token is looked into up to its limit") {
    const auto token_of = [](std::size_t size) {
        std::string token = test::bearer(R"({"upn":"a"})").substr(7);
        return token + std::string(size - token.size(), 'x');
    };
    CHECK(show_token(token_of(kMostTokenBytes)) == "<a>");
    CHECK(show_token(token_of(kMostTokenBytes + 1)).empty());
}
