#include "proxy/base/error.h"

#include <system_error>

#include <fmt/format.h>

namespace eg {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed:
            return "malformed";
        case ErrorCode::too_large:
            return "too large";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::closed:
            return "closed";
        case ErrorCode::reset:
            return "reset";
        case ErrorCode::timed_out:
            return "timed out";
        case ErrorCode::refused:
            return "refused";
        case ErrorCode::unresolved:
            return "name not resolved";
        case ErrorCode::untrusted:
            return "not trusted";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::io:
            return "I/O error";
    }
    return "unknown";
}

std::string_view to_string(Side side) {
    switch (side) {
        case Side::self:
            return "gate";
        case Side::client:
            return "client";
        case Side::upstream:
            return "upstream";
    }
    return "unknown";
}

std::string describe(const Error& error) {
    std::string text = fmt::format("{}: {}", to_string(error.side), to_string(error.code));
    if (error.what[0] != '\0') {
        text += fmt::format(": {}", error.what);
    }
    if (error.sys_errno != 0) {
        text += fmt::format(" ({})", std::generic_category().message(error.sys_errno));
    }
    return text;
}

}  // namespace eg
