#include "filters/path_filter.h"

namespace eg::filters {

Reason judge_path(const Facts& facts) {
    return facts.service == Service::none ? Reason::path : Reason::none;
}

}  // namespace eg::filters
