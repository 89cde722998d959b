#include "filters/method_filter.h"

namespace eg::filters {

namespace {

bool is_published(Service service, http::Method method) {
    using http::Method;
    switch (service) {
        case Service::ews:
            return method == Method::post;
        case Service::traveler:
            return method == Method::post || method == Method::get || method == Method::options;
        case Service::autodiscover:
            return method == Method::post || method == Method::get;
        case Service::active_sync:
        case Service::none:
            return method == Method::post || method == Method::options;
    }
    return false;
}

}  // namespace

Reason judge_method(const Facts& facts) {
    return is_published(facts.service, facts.head->method) ? Reason::none : Reason::method;
}

}  // namespace eg::filters
