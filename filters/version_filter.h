/// Is the protocol version one that the instance permits? Narrowing what the mail server offers
/// would bind only those who keep to it.
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_version(const Facts& facts);

}  // namespace eg::filters
