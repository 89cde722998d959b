#include "filters/claims.h"

#include <doctest/doctest.h>

#include "tests/support/judging.h"
#include "tests/support/messages_ntlm.h"

using namespace eg;
using namespace eg::filters;
using test::basic;
using test::post;
using test::Request;

namespace {

/// `basic <alice>`, `bearer ?` (unreadable), `ntlm bound` …
std::string show(test::FieldList fields) {
    const Request request(post("Cmd=Sync", fields));
    const auto claims = read_claims(request.head());
    if (!claims) {
        return std::string(to_string(claims.error().code));
    }
    constexpr std::array kNames{"none", "basic", "bearer", "ntlm", "negotiate", "unknown"};
    std::string text = kNames.at(static_cast<std::size_t>(claims->credential));
    text += claims->unreadable ? " ?" : "";
    text += claims->connection_bound ? " bound" : "";
    for (const std::string_view name : claims->names) {
        text += " <" + std::string(name) + ">";
    }
    return text;
}

std::string show(const std::string& value) {
    return show({{"Authorization", value}});
}

}  // namespace

TEST_CASE("no credential claims nobody") {
    CHECK(show(test::FieldList{}) == "none");
}

TEST_CASE("Basic names its user, in UTF-8 or Latin-1") {
    CHECK(show(basic("alice:secret")) == "basic <alice>");
    CHECK(show("bASIC  " + basic("alice:secret").substr(6)) == "basic <alice>");
    CHECK(show(basic("CORP\\alice:secret")) == "basic <CORP\\alice>");
    CHECK(show(basic("alice:se:cret")) == "basic <alice>");
    CHECK(show(basic("alice:")) == "basic <alice>");
    CHECK(show(basic(":secret")) == "basic <>");
    CHECK(show(basic("m\xC3\xBCller:x")) == "basic <m\xC3\xBCller>");
    CHECK(show(basic("m\xFCller:x")) == "basic <m\xC3\xBCller>");
    CHECK(show(basic("alice:\xFC")) == "basic <alice>");
    CHECK(show("Basic YTo") == "basic <a>");  // without padding: one reading all the same
}

TEST_CASE("Basic that can't be read in one way") {
    for (const std::string& value :
         {std::string("Basic"), std::string("Basic !!!"), std::string("Basic YTo=="),
          std::string("Basic YTo= x"), std::string("Basic YTp"), std::string("Basic Pz8_Og=="),
          std::string("Basic YTpi YTpi"), std::string("Basic realm=\"x\""), basic("alice"),
          basic("a\nb:c"), basic(std::string("alice\0x:y", 9)), basic("alice:sec\nret"),
          basic("a\x7F:b")}) {
        CAPTURE(value);
        CHECK(show(value) == "malformed");
    }
}

TEST_CASE("several Authorization fields are two readings") {
    CHECK(show({{"Authorization", basic("a:b")}, {"Authorization", basic("a:b")}}) == "malformed");
    CHECK(show({{"Authorization", "Bearer x"}, {"authorization", basic("a:b")}}) == "malformed");
}

TEST_CASE("Bearer names its user or hides it") {
    CHECK(show(test::bearer(R"({"upn":"alice@corp.example"})")) == "bearer <alice@corp.example>");
    CHECK(show(test::bearer(R"({"upn":"a","unique_name":"b"})")) == "bearer <a> <b>");
    CHECK(show(test::bearer(R"({"sub":"x"})")) == "bearer ?");
    CHECK(show("Bearer opaque") == "bearer ?");
    CHECK(show("Bearer") == "bearer ?");
    CHECK(show(test::bearer(R"({"upn":"a","upn":"b"})")) == "malformed");
}

TEST_CASE("NTLM and Negotiate sign a connection in") {
    const std::string type1 = base64_encode(test::ntlm_type1());
    const std::string type3 =
        base64_encode(test::ntlm_type3({.domain = u"CORP", .user = u"alice"}));
    CHECK(show("NTLM " + type1) == "ntlm bound");
    CHECK(show("NTLM " + type3) == "ntlm bound <CORP\\alice>");
    CHECK(show("Negotiate " + type1) == "negotiate bound");
    CHECK(show("Negotiate " + type3) == "negotiate bound <CORP\\alice>");
    CHECK(show("Negotiate YIIFzg==") == "negotiate ? bound");
    CHECK(show("NTLM YIIFzg==") == "malformed");
    CHECK(show("NTLM") == "malformed");
    CHECK(show("NTLM !") == "malformed");
    CHECK(show("Negotiate") == "malformed");
    CHECK(show("Negotiate " + base64_encode(std::string("NTLMSSP\0\2\0\0\0", 12))) == "malformed");
}

TEST_CASE("any other scheme hides its name") {
    for (const char* value :
         {"Digest username=\"alice\"", "Basically YTpi", "", "x", "MessageSecurity x"}) {
        CAPTURE(value);
        CHECK(show(std::string(value)) == "unknown ?");
    }
}
