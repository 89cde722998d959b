/// A Traveler request as its query and fields tell it.
///
/// Traveler's own protocol is not public. Its clients name their device in the query or in a field,
/// but not with every request; which names they use is configured.
#pragma once

#include <string>
#include <string_view>

#include "filters/rules.h"
#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::filters::traveler {

/// The device that a request names, decoded; "" if it names none. Names of parameters are compared
/// decoded, all names without letter case.
///
/// Refused, since servers read them differently: a second '?', a ';' in the query, names that are
/// not percent-encoded well, a device that is named twice (by the same name, or by two that
/// contradict), control bytes in an id, ids of more than 256 bytes. Errors: malformed,
/// Side::client.
[[nodiscard]] Result<std::string> device_of(const http::RequestHead& head, const Rules& rules);

/// What a client is remembered by where it may have been seen before: its name up to the version,
/// `Lotus Traveler Android 9.0` of `Lotus Traveler Android 9.0/2013`.
[[nodiscard]] std::string_view agent_family(std::string_view user_agent);

}  // namespace eg::filters::traveler
