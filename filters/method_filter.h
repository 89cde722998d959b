/// Is the method one that ActiveSync has: POST for commands, OPTIONS to ask what there is
/// ([MS-ASHTTP] 2.2.3.1)?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_method(const Facts& facts);

}  // namespace eg::filters
