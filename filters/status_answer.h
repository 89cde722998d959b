/// Refusals as ActiveSync says them: 200 with a Status that tells why (`refusal_answer`).
#pragma once

#include <cstdint>

#include "filters/eas/request.h"
#include "filters/eas/status_document.h"
#include "filters/verdict.h"

namespace eg::filters {

/// The common status code ([MS-ASCMD] 2.2.2) that says why a request was refused with 403.
[[nodiscard]] std::uint16_t status_code(Reason reason);

/// The answer to a POST that ActiveSync publishes. Empty where HTTP has to say it: what is no
/// refusal of a filter (403), versions below 14.0 or none, commands whose answers have no document.
[[nodiscard]] eas::StatusDocument refusal_document(const eas::EasRequest& request,
                                                   const Verdict& verdict);

}  // namespace eg::filters
