/// The heads that go out: written anew from what was parsed, never copied (docs: "What is sent
/// on").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "filters/eas/versions.h"
#include "proxy/http/framing.h"
#include "proxy/http/head.h"

namespace eg::gate {

/// What of a request head doesn't come from the client.
struct RequestEdit {
    std::string_view path;    // in our spelling
    std::string_view query;   // likewise; "" = as the client wrote it
    std::string_view host;    // Host field for the mail server
    std::string_view client;  // address, for X-Forwarded-For
    std::string_view request_id;
    bool https = false;  // how the client came
    http::Framing framing;
    /// The head is left without framing and without its end: Content-Length comes when it is known.
    bool length_follows = false;
};

/// Whether the Connection field of a request names a field that the request is judged by, or that
/// frames it. Such a head has two readings: with that field and without it.
[[nodiscard]] bool nominates_end_to_end(const http::RequestHead& head);

/// Writes the head of the upstream request. Returns its length, nothing if it doesn't fit or isn't
/// clean.
[[nodiscard]] std::optional<std::size_t> write_upstream_head(const http::RequestHead& head,
                                                             const RequestEdit& edit,
                                                             std::span<char> out);

/// How an answer goes to the client.
struct ResponseEdit {
    http::Framing framing;  // towards the client
    bool close = false;     // the connection ends after it
    bool http10 = false;    // the client speaks HTTP/1.0
    /// Lists of protocol versions are narrowed to these; null: they stay as they are.
    const filters::eas::VersionSet* versions = nullptr;
};

/// The list of protocol versions in an answer of ActiveSync, or null ([MS-ASHTTP] 2.2.1.1.2.4).
[[nodiscard]] const http::Field* offered_versions(const http::ResponseHead& head);

/// Writes the head of the answer to the client; for interim answers (1xx) without framing.
[[nodiscard]] std::optional<std::size_t> write_client_head(const http::ResponseHead& head,
                                                           const ResponseEdit& edit,
                                                           std::span<char> out);

/// True for fields of a request that must not reach the mail server: they steer Exchange's front
/// end, or say who the client is. Field names with an underscore are among them.
[[nodiscard]] bool is_dropped_request_field(std::string_view name);
/// True for fields of an answer that tell about the inside.
[[nodiscard]] bool is_dropped_response_field(std::string_view name);
/// True for cookies that steer Exchange's front end (ProxyLogon and its kin).
[[nodiscard]] bool is_dropped_cookie(std::string_view name);

}  // namespace eg::gate
