/// Strict HTTP/1.1 head parsing (RFC 9112 2 to 5, RFC 9110 5): bytes in; need more, a head or an error out.
///
/// Whatever two parsers could read differently is refused: bare CR or LF, obsolete line folding, white
/// space before a colon, control bytes, empty names, several or missing Host fields, an absolute-form
/// target that contradicts Host, an odd version. One empty line before a request line is skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::http {

struct HeadLimits {
    std::size_t bytes = 16 * 1024;  // start line and fields together
    std::size_t count = 100;        // fields
};

/// How far a head that is not yet complete has been checked, so that a byte is looked at once however
/// slowly it comes. Start each head with a new one.
struct HeadScan {
    std::size_t checked = 0;
};

/// Parses a request head at the start of `bytes`.
///
/// Returns: how many bytes the head takes with its empty line; 0 if `bytes` ends early.
/// Errors:  malformed, too_large, both of Side::client; `unsupported` for HTTP versions other than 1.0 and 1.1.
///          An error is found as early as the bytes show it, not only at the end of the head.
/// Lifetime: the views of `head` point into `bytes`.
[[nodiscard]] Result<std::size_t> parse_request_head(std::string_view bytes,
                                                     const HeadLimits& limits, HeadScan& scan,
                                                     RequestHead& head);

/// The same for the head of an answer; errors are of Side::upstream.
[[nodiscard]] Result<std::size_t> parse_response_head(std::string_view bytes,
                                                      const HeadLimits& limits, HeadScan& scan,
                                                      ResponseHead& head);

}  // namespace eg::http
