#include "filters/autodiscover_filter.h"

#include <algorithm>

#include "filters/autodiscover/query.h"
#include "proxy/base/text.h"

namespace eg::filters {

bool is_autodiscover_json(std::string_view path) {
    constexpr std::string_view kEnding = ".json";
    return path.size() > kEnding.size() &&
           iequals(path.substr(path.size() - kEnding.size()), kEnding);
}

Reason judge_autodiscover(const Facts& facts) {
    if (facts.service != Service::autodiscover) {
        return Reason::none;
    }
    const http::RequestHead& head = *facts.head;
    if (facts.rules->answers_autodiscover) {
        const bool readable =
            !is_autodiscover_json(head.path) || autodiscover::read_query(head.query).has_value();
        return readable ? Reason::none : Reason::autodiscover;
    }
    const bool leads_elsewhere = autodiscover::may_hold_at_sign(head.query) ||
                                 std::ranges::any_of(head.fields, [](const http::Field& field) {
                                     return field.id == http::FieldName::cookie &&
                                            autodiscover::may_hold_at_sign(field.value);
                                 });
    return leads_elsewhere ? Reason::autodiscover : Reason::none;
}

}  // namespace eg::filters
