/// An ActiveSync request as its request line and fields tell it: both query forms ([MS-ASHTTP]
/// 2.2.1.1.1).
#pragma once

#include <cstdint>
#include <string_view>

#include "filters/eas/command.h"
#include "filters/eas/versions.h"
#include "proxy/base/error.h"
#include "proxy/base/small_text.h"
#include "proxy/http/head.h"

namespace eg::filters::eas {

/// What a request says of itself. Texts are decoded; nothing of it is proven.
struct EasRequest {
    Command command = Command::none;
    bool unknown_command = false;  // one is named, but it is none of ours; `command` stays none
    bool base64_form = false;
    bool respelled = false;  // a plain parameter has its name not as specified: see respell_query()
    std::uint16_t protocol_version = 0;  // 25, 120, 121, 140, 141, 160, 161; 0 = not said
    bool has_device_id = false;
    ShortText device_id;  // bytes as sent, percent- or base64-decoded
    ShortText device_type;
    ShortText user;               // of the User parameter, as UTF-8; may be empty
    bool has_policy_key = false;  // in the base64 query, else in the X-MS-PolicyKey field
    std::uint32_t policy_key = 0;
};

/// Decodes the query of a request to /Microsoft-Server-ActiveSync, and its fields.
///
/// Refused, since servers read them differently: a second '?', repeated parameters (names compared
/// decoded and without case, unknown ones too), parameters without '=' or within ';', names of
/// other than letters, digits, '-', '_', '.' and '~', a base64 value mixed with plain parameters,
/// bad base64, lengths that run over, policy keys of other than 0 or 4 bytes, control bytes in what
/// is text, a version that isn't one or that contradicts the MS-ASProtocolVersion field, a repeated
/// MS-ASProtocolVersion, X-MS-PolicyKey or User-Agent field. Unknown plain parameters pass; unknown
/// tags of the base64 form are skipped by their length.
///
/// A command that isn't one can be read all the same: see `unknown_command`. What a request must
/// have (a command, a device) is not asked here but by the filters, for it depends on the method.
/// OPTIONS needs no query; where it has one it is decoded by the same rules.
///
/// Errors: malformed, Side::client, with a `what` for people.
[[nodiscard]] Result<EasRequest> parse_request(const http::RequestHead& head);
/// The same into a fresh `request`, which is of no use after an error.
[[nodiscard]] Result<void> parse_request(const http::RequestHead& head, EasRequest& request);

}  // namespace eg::filters::eas
