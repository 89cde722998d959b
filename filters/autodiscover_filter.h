/// Autodiscover: may a request of it be sent on, or answered here?
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

/// Forwarded: nothing in its query or its cookies that a server could take for an '@', by which
/// Exchange was led to other paths. Answered: a query that can be read in one way only.
[[nodiscard]] Reason judge_autodiscover(const Facts& facts);

/// Whether a path of Service::autodiscover is that of version 2.
[[nodiscard]] bool is_autodiscover_json(std::string_view path);

}  // namespace eg::filters
