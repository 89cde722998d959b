/// Where the MDM server permits only the secure e-mail app: is it that app, as its user agent says?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_secure_email(const Facts& facts);

}  // namespace eg::filters
