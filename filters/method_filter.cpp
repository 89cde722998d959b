#include "filters/method_filter.h"

namespace eg::filters {

Reason judge_method(const Facts& facts) {
    const http::Method method = facts.head->method;
    return method == http::Method::post || method == http::Method::options ? Reason::none
                                                                           : Reason::method;
}

}  // namespace eg::filters
