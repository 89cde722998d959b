/// Are there device states, and did the MDM server confirm them within mdm.state_lifetime? Asked
/// first: without them nothing else can be judged (503).
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_states(const Facts& facts);

}  // namespace eg::filters
