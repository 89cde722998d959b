/// The little of HTTP/1.1 that the bench needs: where a head ends, how long the body is that
/// follows, and the requests of phones. Bodies always have a Content-Length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eg::bench {

struct Head {
    std::size_t bytes = 0;           // of the head itself, with the empty line
    std::uint64_t length = 0;        // of the body
    std::uint64_t answer_bytes = 0;  // of the body that the request asks for (X-Bench-Answer)
    int status = 0;                  // of an answer
    bool holds = false;              // a Ping: answered when the bench says so
    bool asks_permission = false;    // of an auth_request: answered without body
};

/// None if the head isn't whole yet.
std::optional<Head> read_head(std::string_view input);

struct RequestKind {
    std::string_view command = "Sync";
    std::uint64_t body_bytes = 200;
    std::uint64_t answer_bytes = 400;
};

/// Id of the device with that number, as in the tables that the bench writes: 32 letters and
/// digits.
std::string device_id(std::uint64_t number);

/// The head of a phone's request, as iOS writes it; the body follows from `request_body`.
std::string request_head(const RequestKind& kind, std::uint64_t device);

/// WBXML that begins with the root element of the command, `bytes` long; at least 8.
std::string request_body(std::string_view command, std::uint64_t bytes);

}  // namespace eg::bench
