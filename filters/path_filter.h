/// Is the path one that is published?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_path(const Facts& facts);

}  // namespace eg::filters
