/// The status codes that we send ourselves.
#pragma once

#include <string_view>

namespace eg::http {

/// The standard reason phrase (RFC 9110 15, RFC 6585), or "Status" for unknown codes.
[[nodiscard]] std::string_view reason_phrase(unsigned status);

/// The short text/plain body of an answer of ours; tells people what to do, never why in detail.
[[nodiscard]] std::string_view plain_body(unsigned status);

}  // namespace eg::http
