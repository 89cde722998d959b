/// Strict HTTP/1.1 head parsing (RFC 9112 2 to 5, RFC 9110 5): bytes in; need more, a head or an
/// error out.
///
/// Whatever two parsers could read differently is refused: bare CR or LF, obsolete line folding,
/// white space before a colon, control bytes, empty names, several or missing Host fields, an
/// absolute-form target that contradicts Host, an odd version. One empty line before a request line
/// is skipped.
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

/// How far a head that is not yet complete has been checked, so that the work stays linear however
/// slowly it comes: each byte is checked once while the head is incomplete, and a head that came in
/// several pieces is read once more when it is whole, to make the views. Start each head with a new
/// one. The buffer may move between two calls, as long as it holds the same bytes from the head's
/// first on.
struct HeadScan {
    std::size_t checked = 0;
    // The rest belongs to the parser: where the current line and the current part of it begin, how
    // many fields are complete, which part is being read, and whether there was a Host field.
    std::uint32_t line = 0;
    std::uint32_t part = 0;
    std::uint32_t fields = 0;
    std::uint8_t step = 0;
    bool has_host = false;
};

/// Parses a request head at the start of `bytes`.
///
/// Returns: how many bytes the head takes, the skipped empty line before and the one at its end
///          included; 0 if `bytes` ends early, and then nothing in `head` may be used.
/// Errors:  malformed, too_large, both of Side::client; `unsupported` for HTTP versions other
/// than 1.0 and 1.1.
///          An error is found as early as the bytes show it, not only at the end of the head; which
///          one it is doesn't depend on the pieces that the bytes come in. A head that isn't
///          complete within `limits.bytes` is too_large as soon as so many bytes are there.
/// Lifetime: the views of `head` point into `bytes`.
[[nodiscard]] Result<std::size_t> parse_request_head(std::string_view bytes,
                                                     const HeadLimits& limits, HeadScan& scan,
                                                     RequestHead& head);

/// The same for the head of an answer; errors are of Side::upstream.
[[nodiscard]] Result<std::size_t> parse_response_head(std::string_view bytes,
                                                      const HeadLimits& limits, HeadScan& scan,
                                                      ResponseHead& head);

}  // namespace eg::http
