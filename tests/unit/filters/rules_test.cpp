#include "filters/rules.h"

#include <doctest/doctest.h>

#include "filters/chain.h"

using namespace eg;
using namespace eg::filters;

TEST_CASE("patterns match whole texts, letter case ignored") {
    struct Case {
        const char* pattern;
        const char* text;
        bool matches;
    };
    for (const Case& c : {
             Case{"", "", true},
             {"", "a", false},
             {"*", "", true},
             {"*", "anything", true},
             {"?", "", false},
             {"?", "a", true},
             {"?", "ab", false},
             {"apple-*", "Apple-iPhone13C2/1904.50", true},
             {"apple-*", "apple-", true},
             {"apple-*", "apple", false},
             {"apple-*", "xapple-1", false},
             {"*outlook*", "Microsoft Outlook/16", true},
             {"*outlook", "Outlook/16", false},
             {"a*b*c", "a--b--c", true},
             {"a*b*c", "aXbXcX", false},
             {"a*b*c", "abbbc", true},
             {"*ab", "aab", true},
             {"*aab", "aaaab", true},
             {"a?c*", "AbC", true},
             {"**a**", "xxaxx", true},
             {"*?*", "", false},
             {"a.b", "a.b", true},
             {"a.b", "axb", false},
             {"[a]", "a", false},
             {"m\xC3\xBC*", "M\xC3\xBCller", true},
         }) {
        CAPTURE(c.pattern);
        CAPTURE(c.text);
        CHECK(glob_matches(c.pattern, c.text) == c.matches);
    }
}

TEST_CASE("a pattern that is made to backtrack costs pattern times text") {
    const std::string text(20'000, 'a');
    std::string pattern;
    for (int i = 0; i < 200; ++i) {
        pattern += "*a";
    }
    CHECK_FALSE(glob_matches(pattern + "b", text));
    CHECK(glob_matches(pattern, text));
}

TEST_CASE("rules are made of the configuration") {
    config::Config config;
    config::Instance instance;
    CHECK_FALSE(make_rules(config, instance).user_agents);
    config.mail_user_agents.allow = std::vector<std::string>{"Apple-*", "*Outlook*"};
    instance.user_domains = {"CORP"};
    const Rules rules = make_rules(config, instance);
    CHECK(rules.user_agents == std::vector<std::string>{"apple-*", "*outlook*"});
    CHECK(rules.user_domains == std::vector<std::string>{"CORP"});
    CHECK(rules.asked == needed_filters(rules));
    CHECK(rules.asked != make_rules({}, {}).asked);
}
