/// Where a device names users: is every name that the request claims one of them? A request that
/// claims no name passes, for the mail server asks; one whose credential hides its name does not.
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_user(const Facts& facts);

}  // namespace eg::filters
