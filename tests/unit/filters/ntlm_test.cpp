#include "filters/ntlm.h"

#include <doctest/doctest.h>

#include "tests/support/messages_ntlm.h"

using namespace eg;
using namespace eg::filters;
using test::ntlm_type3;
using test::NtlmNames;

namespace {

std::string show(std::string_view message) {
    const auto name = read_ntlm(message);
    if (!name) {
        return std::string(to_string(name.error().code));
    }
    return *name ? '"' + **name + '"' : "nobody";
}

}  // namespace

TEST_CASE("the name in a message") {
    CHECK(show(test::ntlm_type1()) == "nobody");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = u"alice"})) == "\"CORP\\alice\"");
    CHECK(show(ntlm_type3({.domain = u"", .user = u"alice@corp.example"})) ==
          "\"alice@corp.example\"");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = u""})) == "\"\"");
    CHECK(show(ntlm_type3({.domain = u"", .user = u"müller"})) == "\"m\xC3\xBCller\"");
    CHECK(show(ntlm_type3({.domain = u"", .user = u"\u4E2D\U0001F600"})) ==
          "\"\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = u"m\u00FCller", .unicode = false})) ==
          "\"CORP\\m\xC3\xBCller\"");
}

TEST_CASE("messages that can't be read") {
    std::string message = ntlm_type3({.domain = u"CORP", .user = u"alice"});
    CHECK(show("") == "malformed");
    CHECK(show("NTLMSSP") == "malformed");
    CHECK(show(message.substr(0, 11)) == "malformed");
    CHECK(show(message.substr(0, 63)) == "malformed");
    CHECK(show(message.substr(0, message.size() - 1)) == "malformed");
    for (const char type : {'\0', '\2', '\4'}) {
        std::string other = message;
        other[8] = type;
        CHECK(show(other) == "malformed");
    }
    std::string far = message;
    far[40] = far[41] = far[42] = far[43] = '\xFF';  // the offset of the user
    CHECK(show(far) == "malformed");
    std::string odd = message;
    odd[36] = '\x09';  // an odd number of bytes is no UTF-16
    CHECK(show(odd) == "malformed");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = u"a\\b"})) == "malformed");
    CHECK(show(ntlm_type3({.domain = u"CO\\RP", .user = u"a"})) == "malformed");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = u"a\n"})) == "malformed");
    CHECK(show(ntlm_type3({.domain = u"CORP", .user = std::u16string(1, u'\0')})) == "malformed");
    for (const std::u16string& surrogates :
         {std::u16string{0xD800}, std::u16string{0xDC00}, std::u16string{0xD800, u'a'}}) {
        CHECK(show(ntlm_type3({.domain = u"", .user = surrogates})) == "malformed");
    }
    CHECK(show(ntlm_type3({.domain = u"", .user = std::u16string(513, u'a')})) == "malformed");
    CHECK(show(ntlm_type3({.domain = u"", .user = std::u16string(512, u'a')})) ==
          '"' + std::string(512, 'a') + '"');
}
