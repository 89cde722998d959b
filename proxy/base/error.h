/// What went wrong, on which side. A value: 16 trivially copyable bytes, no allocation.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>

namespace eg {

/// Whose fault it is: ours, the phone's side, or the mail server's side (RFC 9110 3.7).
enum class Side : std::uint8_t { self, client, upstream };

enum class ErrorCode : std::uint8_t {
    malformed,    // bytes that break the protocol, or could be read in two ways
    too_large,    // a limit of ours was met
    unsupported,  // well formed, but not something we do
    closed,       // the peer ended the stream
    reset,        // the peer broke the stream
    timed_out,
    refused,      // nobody listens, no route
    unresolved,   // the name gave no address
    untrusted,    // a certificate or a signature didn't verify
    unavailable,  // a resource of ours is used up
    io,           // any other error of the operating system
};

struct Error {
    const char* what = "";  // static text, never freed
    std::int32_t sys_errno = 0;
    ErrorCode code = ErrorCode::malformed;
    Side side = Side::self;
};
static_assert(sizeof(Error) == 16 && std::is_trivially_copyable_v<Error>);

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] constexpr std::unexpected<Error> fail(ErrorCode code, Side side, const char* what,
                                                    int sys_errno = 0) {
    return std::unexpected(Error{what, sys_errno, code, side});
}

[[nodiscard]] std::string_view to_string(ErrorCode code);
[[nodiscard]] std::string_view to_string(Side side);

/// One line for people: `upstream: connection refused (connect)`.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace eg
