#include "filters/secure_email_filter.h"

namespace eg::filters {

namespace {

/// Provisional: the feed can say that only the secure e-mail app is permitted, but not yet how to
/// tell that app. Until it can, the app has to call itself so.
constexpr std::string_view kSecureEmailApp = "easgate-secure-mail*";

}  // namespace

Reason judge_secure_email(const Facts& facts) {
    if (facts.devices == nullptr || facts.service == Service::none ||
        !facts.devices->policy().only_secure_email) {
        return Reason::none;
    }
    return facts.has_user_agent && glob_matches(kSecureEmailApp, facts.user_agent)
               ? Reason::none
               : Reason::only_secure_email;
}

}  // namespace eg::filters
