/// EWS, as far as the head of a request tells: may this be a push subscription, and of somebody
/// who has a permitted device? The body is judged by ews/soap.
#pragma once

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

/// An EWS request carries no device id. So its user must be named by a permitted device, and by
/// name: one that any user may use proves nothing about this one. Every name that the request
/// claims must be a name of the same device; a request that claims none passes, since the mail
/// server asks. Without a body only the messages of a connection-bound sign-in pass (NTLM's first
/// one has none).
[[nodiscard]] Reason judge_ews(const Facts& facts);

/// Whether the head announces a body (which may still be an empty chunked one).
[[nodiscard]] bool announces_body(const http::RequestHead& head);

}  // namespace eg::filters
