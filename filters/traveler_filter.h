/// Traveler: is the device that it names permitted, and may it come without naming one?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_traveler(const Facts& facts);

}  // namespace eg::filters
