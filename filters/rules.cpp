#include "filters/rules.h"

#include "proxy/base/text.h"

namespace eg::filters {

Rules make_rules(const config::Config& config, const config::Instance& instance) {
    Rules rules;
    if (config.mail_user_agents) {
        rules.user_agents.emplace();
        for (const std::string& pattern : *config.mail_user_agents) {
            rules.user_agents->push_back(lower(pattern));
        }
    }
    rules.user_domains = instance.user_domains;
    rules.observe = instance.mode == config::Mode::observe;
    return rules;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;  // where the last '*' stands in the pattern
    std::size_t taken = 0;                      // up to where in the text it reaches so far
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == to_lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            // Only the last '*' has to give way: what the earlier ones took can stay as it is.
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace eg::filters
