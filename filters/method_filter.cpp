#include "filters/method_filter.h"

#include "filters/autodiscover_filter.h"

namespace eg::filters {

namespace {

bool is_published(const Facts& facts) {
    using http::Method;
    const Method method = facts.head->method;
    switch (facts.service) {
        case Service::ews:
            return method == Method::post;
        case Service::traveler:
            return method == Method::post || method == Method::get || method == Method::options;
        case Service::autodiscover:
            return method == Method::get ||
                   (method == Method::post && !is_autodiscover_json(facts.head->path));
        case Service::active_sync:
        case Service::none:
            return method == Method::post || method == Method::options;
    }
    return false;
}

}  // namespace

Reason judge_method(const Facts& facts) {
    return is_published(facts) ? Reason::none : Reason::method;
}

}  // namespace eg::filters
