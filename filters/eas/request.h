/// An ActiveSync request as its request line and fields tell it: both query forms ([MS-ASHTTP] 2.2.1.1.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "filters/eas/command.h"
#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::filters::eas {

/// What a request says of itself. Strings are decoded; nothing of it is proven.
struct EasRequest {
    Command command = Command::none;
    bool base64_form = false;
    std::uint16_t protocol_version = 0;  // 25, 120, 121, 140, 141, 160, 161; 0 = not said
    bool has_device_id = false;
    std::string device_id;    // bytes as sent, percent- or base64-decoded
    std::string device_type;
    std::string user;         // of the User parameter; may be empty
    bool has_policy_key = false;
    std::uint32_t policy_key = 0;
};

/// Decodes the query of a request to /Microsoft-Server-ActiveSync.
///
/// Refused, since servers read them differently: a second '?', repeated parameters (names compared decoded
/// and without case), a base64 value mixed with plain parameters, bad base64, lengths that run over, policy keys
/// of other than 0 or 4 bytes, control bytes, unknown commands, a version byte that contradicts the
/// MS-ASProtocolVersion field, repeated MS-ASProtocolVersion fields. Unknown plain parameters pass;
/// unknown tags of the base64 form are skipped by their length.
/// OPTIONS needs no query; where it has one it is decoded by the same rules, but may lack a command.
///
/// Errors: malformed, Side::client, with a `what` for people.
[[nodiscard]] Result<EasRequest> parse_request(const http::RequestHead& head);

}  // namespace eg::filters::eas
