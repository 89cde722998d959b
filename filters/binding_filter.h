/// Is the device used by whom, and with the client key, that it is bound to?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

/// Keys that the MDM server names count, else the one that first use bound; both only where the
/// instance binds to certificates. The bound user counts where the MDM server names none.
[[nodiscard]] Reason judge_binding(const Facts& facts);

}  // namespace eg::filters
