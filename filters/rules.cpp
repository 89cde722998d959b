#include "filters/rules.h"

#include <algorithm>
#include <cstdint>

#include "filters/chain.h"
#include "proxy/base/text.h"
#include "proxy/base/words.h"

namespace eg::filters {

namespace {

std::vector<std::string> lower_all(const std::vector<std::string>& patterns) {
    std::vector<std::string> all;
    all.reserve(patterns.size());
    for (const std::string& pattern : patterns) {
        all.push_back(lower(pattern));
    }
    return all;
}

}  // namespace

Rules make_rules(const config::Config& config, const config::Instance& instance) {
    Rules rules;
    if (config.mail_user_agents.allow) {
        rules.user_agents = lower_all(*config.mail_user_agents.allow);
    }
    if (config.mail_user_agents.device_types) {
        rules.device_types = lower_all(*config.mail_user_agents.device_types);
    }
    rules.secure_email = lower_all(config.mail_user_agents.secure_email);
    rules.user_domains = instance.user_domains;
    rules.versions = eas::VersionSet(instance.protocol_versions);
    rules.bind = instance.bind;
    rules.observe = instance.mode == config::Mode::observe;
    rules.ews = instance.allow_ews_subscriptions;
    for (const std::string& host : instance.ews_push_hosts) {
        rules.push_hosts.push_back(lower(host));
    }
    rules.traveler = instance.enable_traveler;
    rules.autodiscover = instance.autodiscover != config::Autodiscover::off;
    rules.answers_autodiscover = instance.autodiscover == config::Autodiscover::answer;
    rules.document_lookups = instance.allow_document_lookups;
    rules.traveler_unidentified = instance.traveler_unidentified;
    rules.traveler_parameters = instance.traveler_device_parameters;
    rules.traveler_fields = instance.traveler_device_fields;
    rules.asked = needed_filters(rules);
    return rules;
}

namespace {

bool has_wildcards(std::uint64_t word) {
    return (words::any(word, '*') | words::any(word, '?')) != 0;
}

}  // namespace

bool any_glob_matches(const std::vector<std::string>& patterns, std::string_view text) {
    return std::ranges::any_of(
        patterns, [text](const std::string& pattern) { return glob_matches(pattern, text); });
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    // Most patterns are a beginning and a last '*'; most of the others differ early.
    const std::size_t most = std::min(pattern.size(), text.size());
    while (most - p >= words::kBytes &&
           words::load(pattern.data() + p) == words::lower(words::load(text.data() + p)) &&
           !has_wildcards(words::load(pattern.data() + p))) {
        p += words::kBytes;
    }
    while (p < most && pattern[p] == to_lower(text[p]) && pattern[p] != '*' && pattern[p] != '?') {
        ++p;
    }
    if (p < pattern.size() && pattern[p] == '*') {
        if (p + 1 == pattern.size()) {
            return true;
        }
    } else if (p < most && pattern[p] != '?') {
        return false;
    }
    t = p;
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
