#include "filters/secure_email_filter.h"

namespace eg::filters {

Reason judge_secure_email(const Facts& facts) {
    if (facts.devices == nullptr || facts.service == Service::none ||
        !facts.devices->policy().only_secure_email) {
        return Reason::none;
    }
    return facts.has_user_agent && !facts.user_agent.empty() &&
                   any_glob_matches(facts.rules->secure_email, facts.user_agent)
               ? Reason::none
               : Reason::only_secure_email;
}

}  // namespace eg::filters
