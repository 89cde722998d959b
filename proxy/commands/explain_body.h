/// What `easgate explain` says of a request that is judged by its body too.
#pragma once

#include <string_view>

#include "filters/look_up.h"
#include "filters/rules.h"
#include "proxy/http/head.h"

namespace eg::commands {

/// Adds the verdict on the body to `explanation`; where only a head was given, says that. `body`:
/// what followed the head.
void explain_body(const http::RequestHead& head, std::string_view body, const filters::Rules& rules,
                  filters::Explanation& explanation);

}  // namespace eg::commands
