/// The two forms of an ActiveSync query; parse_request (request.h) chooses between them. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "filters/eas/request.h"
#include "proxy/base/error.h"
#include "proxy/base/small_text.h"

namespace eg::filters::eas {

/// Real requests have five; what compares names with each other is quadratic.
inline constexpr std::size_t kMostParameters = 32;
/// As long as the base64 form can say it.
inline constexpr std::size_t kMostDeviceIdBytes = 255;

/// Whether a query is one base64 value: no '&', and no '=' but padding at its end.
[[nodiscard]] bool is_base64_form(std::string_view query);

/// `Cmd=Sync&User=…&DeviceId=…&DeviceType=…` in any order ([MS-ASHTTP] 2.2.1.1.1.1.1). '+' stays
/// '+'.
[[nodiscard]] Result<void> read_plain_query(std::string_view query, EasRequest& request);

/// The same query with the names of Cmd, User, DeviceId and DeviceType as specified, for servers
/// that know them in that spelling only: some of them would take the query for a base64 one.
/// `query`: what read_plain_query() has read.
[[nodiscard]] std::string respell_query(std::string_view query);

/// The base64 form ([MS-ASHTTP] 2.2.1.1.1.1.2): standard or URL-safe alphabet, padded or not, with
/// or without percent-encoding.
[[nodiscard]] Result<void> read_base64_query(std::string_view query, EasRequest& request);

/// A byte below SP or DEL: never in a text that reaches a log or a mail server.
[[nodiscard]] bool has_control_bytes(std::string_view text);

/// `text` as UTF-8: the bytes as they are if they are UTF-8, else read as Latin-1.
void set_utf8(ShortText& out, std::string_view text);

}  // namespace eg::filters::eas
