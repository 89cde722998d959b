/// Is the command one that ActiveSync has? A command that we don't know can't be told from a trick.
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_command(const Facts& facts);

}  // namespace eg::filters
