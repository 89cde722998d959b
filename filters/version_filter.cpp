#include "filters/version_filter.h"

namespace eg::filters {

Reason judge_version(const Facts& facts) {
    if (facts.rules->versions.is_every() || facts.eas == nullptr) {
        return Reason::none;
    }
    // OPTIONS is how a client learns what it may speak. Without a version the mail server asks.
    const bool speaks =
        facts.head->method == http::Method::post && facts.eas->protocol_version != 0;
    return speaks && !facts.rules->versions.contains(facts.eas->protocol_version)
               ? Reason::protocol_version
               : Reason::none;
}

}  // namespace eg::filters
