/// What the operator decided for an instance, in the form in which filters use it. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eas/versions.h"
#include "proxy/config/config.h"

namespace eg::filters {

struct Rules {
    std::optional<std::vector<std::string>>
        user_agents;  // lower-case patterns with * and ?; nothing = all
    std::optional<std::vector<std::string>> device_types{};         // likewise
    std::vector<std::string> secure_email{"easgate-secure-mail*"};  // likewise: the secure app
    std::vector<std::string> user_domains{};
    eas::VersionSet versions{};  // of ActiveSync that are permitted
    // What is published beside ActiveSync.
    bool ews = false;
    bool traveler = false;
    bool autodiscover = false;
    bool answers_autodiscover = false;  // here, instead of sending it on
    bool document_lookups = false;      // Search and ItemOperations may leave the mailbox
    config::Bind bind = config::Bind::none;
    bool observe = false;  // what filters that can be relaxed refuse is noted, not refused
    std::vector<std::string> push_hosts{};  // of EWS subscriptions, lower case; "*" = any
    config::TravelerUnidentified traveler_unidentified = config::TravelerUnidentified::forward;
    std::vector<std::string> traveler_parameters{};  // where Traveler's clients name their device
    std::vector<std::string> traveler_fields{};
    /// Which of filters() are asked, a bit each. Those that can't object under these rules cost
    /// nothing on the way of a request.
    std::uint32_t asked = ~std::uint32_t{0};

    /// Whether users are looked for who have any device: the table must be indexed by them.
    [[nodiscard]] bool needs_users() const {
        return ews || (autodiscover && !answers_autodiscover);
    }
};

[[nodiscard]] Rules make_rules(const config::Config& config, const config::Instance& instance);

/// Whether `text` matches one of `patterns`; see glob_matches().
[[nodiscard]] bool any_glob_matches(const std::vector<std::string>& patterns,
                                    std::string_view text);

/// Whether `text` matches `pattern`: `*` any run, `?` any one byte, letter case ignored; `pattern`
/// is lower case. Cost: at most pattern times text, no recursion.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace eg::filters
