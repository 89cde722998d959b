#include "filters/names.h"

#include <doctest/doctest.h>

using namespace eg::filters;

TEST_CASE("a listed name and the names it stands for") {
    struct Case {
        const char* listed;
        const char* claimed;
        const char* domains;  // of user_domains, one or none
        bool matches;
    };
    for (const Case& c : {
             Case{"alice", "alice", "", true},
             {"alice", "ALICE", "", true},
             {"Alice", "alice", "CORP", true},
             {"alice", "bob", "", false},
             {"alice", "alic", "", false},
             {"alice", "alicee", "", false},
             {"alice", "alice ", "", false},
             {"alice", "", "", false},
             {"", "", "", false},
             // A bare name in any domain, or in those that are configured.
             {"alice", "CORP\\alice", "", true},
             {"alice", "alice@corp.example", "", true},
             {"alice", "corp\\Alice", "CORP", true},
             {"alice", "OTHER\\alice", "CORP", false},
             {"alice", "alice@corp.example", "CORP.example", true},
             {"alice", "alice@other.example", "corp.example", false},
             {"alice", "alice@sub.corp.example", "corp.example", false},
             {"alice", "\\alice", "CORP", true},
             {"alice", "alice@", "", false},
             {"alice", "@alice", "", false},
             {"alice", "CORP\\", "", false},
             {"alice", "CORP\\x\\alice", "", false},
             {"alice", "CORP\\alice@evil.example", "", false},
             {"alice", "alice@evil.example@corp.example", "", false},
             {"alice", "evil@alice", "", false},
             {"alice", "alice\\bob", "", false},
             {"alice", "CORP/alice", "", false},
             // A qualified name matches only itself.
             {"CORP\\alice", "corp\\ALICE", "", true},
             {"CORP\\alice", "alice", "", false},
             {"CORP\\alice", "alice", "CORP", false},
             {"CORP\\alice", "alice@corp", "CORP", false},
             {"CORP\\alice", "OTHER\\alice", "", false},
             {"alice@corp.example", "Alice@Corp.Example", "", true},
             {"alice@corp.example", "alice", "", false},
             {"alice@corp.example", "alice@corp.example.evil", "", false},
             {"alice@corp.example", "corp.example\\alice", "", false},
             // Letters beyond ASCII.
             {"m\xC3\xBCller", "M\xC3\x9CLLER", "", true},
             {"m\xC3\xBCller", "muller", "", false},
             {"\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD", "\xD0\xB8\xD0\x92\xD0\x90\xD0\x9D", "", true},
             {"alice",
              "CORP\\\xE2\x84\xAA"
              "alice",
              "", false},
         }) {
        CAPTURE(c.listed);
        CAPTURE(c.claimed);
        CAPTURE(c.domains);
        const std::vector<std::string> domains =
            *c.domains == '\0' ? std::vector<std::string>{} : std::vector<std::string>{c.domains};
        CHECK(user_matches(c.listed, c.claimed, domains) == c.matches);
    }
    CHECK(user_matches("alice", "B\\alice", {"A", "b"}));
}

TEST_CASE("folding letters") {
    struct Case {
        char32_t upper;
        char32_t lower;
    };
    for (const Case& c : {
             Case{U'A', U'a'}, {U'Z', U'z'}, {U'À', U'à'}, {U'Ö', U'ö'}, {U'Ø', U'ø'}, {U'Þ', U'þ'},
             {U'Ÿ', U'ÿ'},     {U'Ā', U'ā'}, {U'Į', U'į'}, {U'Ĳ', U'ĳ'}, {U'Ķ', U'ķ'}, {U'Ĺ', U'ĺ'},
             {U'Ł', U'ł'},     {U'Ň', U'ň'}, {U'Ŋ', U'ŋ'}, {U'Š', U'š'}, {U'Ŷ', U'ŷ'}, {U'Ź', U'ź'},
             {U'Ž', U'ž'},     {U'Ά', U'ά'}, {U'Έ', U'έ'}, {U'Ί', U'ί'}, {U'Ό', U'ό'}, {U'Ύ', U'ύ'},
             {U'Ώ', U'ώ'},     {U'Α', U'α'}, {U'Ρ', U'ρ'}, {U'Σ', U'σ'}, {U'Σ', U'ς'}, {U'Ϋ', U'ϋ'},
             {U'Ϡ', U'ϡ'},     {U'Ѐ', U'ѐ'}, {U'Џ', U'џ'}, {U'А', U'а'}, {U'Я', U'я'}, {U'Ѡ', U'ѡ'},
             {U'Ҁ', U'ҁ'},     {U'Ҋ', U'ҋ'}, {U'Ҿ', U'ҿ'}, {U'Ӏ', U'ӏ'}, {U'Ӂ', U'ӂ'}, {U'Ӎ', U'ӎ'},
             {U'Ӑ', U'ӑ'},     {U'Ԯ', U'ԯ'},
         }) {
        CAPTURE(static_cast<unsigned>(c.upper));
        CHECK(fold(c.upper) == fold(c.lower));
        CHECK(fold(c.upper) != c.upper);
    }
    for (const char32_t same :
         {U'@', U'[', U'0', U'×', U'÷', U'ß', U'ı', U'ĸ', U'ŉ', U'א', U'中', U'\U0001F600'}) {
        CAPTURE(static_cast<unsigned>(same));
        CHECK(fold(same) == same);
    }
    CHECK(fold(U'×') != fold(U'÷'));
    CHECK(fold(U'İ') != fold(U'i'));
    for (char32_t c = 0; c < 0x600; ++c) {
        CAPTURE(static_cast<unsigned>(c));
        CHECK(fold(fold(c)) == fold(c));
    }
}

TEST_CASE("bytes that aren't UTF-8 equal only themselves") {
    CHECK(equal_but_for_case("\xFC", "\xFC"));
    CHECK_FALSE(equal_but_for_case("\xFC", "\xC3\xBC"));
    CHECK_FALSE(equal_but_for_case("\xFC", "\xDC"));
    CHECK_FALSE(equal_but_for_case("\xC3", "\xC3\xBC"));
    CHECK_FALSE(equal_but_for_case("\xC1\xA1", "a"));
    CHECK_FALSE(equal_but_for_case("a\xE2\x82", "a\xE2"));
}
