#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "filters/eas/query.h"
#include "proxy/base/text.h"
#include "proxy/http/target.h"

namespace eg::filters::eas {

namespace {

/// The shortest base64 query: version, command, locale, an id of one byte, no key, no type.
constexpr std::size_t kShortestRequest = 8;

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// The next byte of a percent-encoded text; -1 at its end, -2 where the encoding is broken.
int next_byte(std::string_view& text) {
    if (text.empty()) {
        return -1;
    }
    if (text.front() != '%') {
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        return byte;
    }
    const int high = text.size() > 2 ? hex_value(text[1]) : -1;
    const int low = text.size() > 2 ? hex_value(text[2]) : -1;
    if (high < 0 || low < 0) {
        return -2;
    }
    text.remove_prefix(3);
    return high << 4 | low;
}

/// Whether a name can only be read in one way. PHP drops spaces before a name, turns some
/// characters into others and reads '[' as an array; .NET knows letters that are equal to ASCII
/// ones but for case.
bool is_plain_name(std::string_view raw) {
    for (bool first = true;; first = false) {
        const int byte = next_byte(raw);
        if (byte < 0) {
            return byte == -1 && !first;
        }
        const char c = static_cast<char>(byte);
        if (!is_alnum(c) && c != '-' && c != '_' && c != '.' && c != '~') {
            return false;
        }
    }
}

/// Compares two plain names decoded and without case; allocates nothing.
bool same_name(std::string_view a, std::string_view b) {
    while (true) {
        const int x = next_byte(a);
        const int y = next_byte(b);
        if (x < 0 || y < 0) {
            return x == y;
        }
        if (to_lower(static_cast<char>(x)) != to_lower(static_cast<char>(y))) {
            return false;
        }
    }
}

bool decode_value(std::string_view raw, std::string& out) {
    out.clear();
    while (true) {
        const int byte = next_byte(raw);
        if (byte < 0) {
            return byte == -1;
        }
        if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
        out += static_cast<char>(byte);
    }
}

/// Whether a parameter with an empty value, or with "=" as value, is a base64 request with its
/// padding: some servers would take it for the query and ignore the rest.
bool is_base64_request(std::string_view piece, std::string_view value) {
    if (!value.empty() && value != "=") {
        return false;
    }
    const std::optional<std::string> text = http::percent_decode(piece);
    const std::optional<std::string> bytes = text ? base64_decode(*text) : std::nullopt;
    return bytes && bytes->size() >= kShortestRequest &&
           is_version(static_cast<unsigned char>(bytes->front()));
}

Result<void> take(std::string_view name, std::string_view value, EasRequest& request) {
    std::string scratch;
    std::string* target = &scratch;
    if (same_name(name, "User")) {
        target = &request.user;
    } else if (same_name(name, "DeviceId")) {
        target = &request.device_id;
    } else if (same_name(name, "DeviceType")) {
        target = &request.device_type;
    }
    if (!decode_value(value, *target)) {
        return malformed("a query parameter with a control byte or broken percent-encoding");
    }
    if (same_name(name, "Cmd")) {
        const std::optional<Command> command = command_by_name(scratch);
        request.command = command.value_or(Command::none);
        request.unknown_command = !command;
    }
    return {};
}

}  // namespace

Result<void> read_plain_query(std::string_view query, EasRequest& request) {
    std::array<std::string_view, kMostParameters> names;
    std::size_t count = 0;
    while (!query.empty()) {
        const std::string_view piece = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(piece.size() + 1, query.size()));
        if (piece.empty()) {
            continue;  // "&&" and a last "&" mean nothing to any server
        }
        const std::size_t equals = piece.find('=');
        if (equals == std::string_view::npos) {
            return malformed("a query parameter without '='");
        }
        const std::string_view name = piece.substr(0, equals);
        const std::string_view value = piece.substr(equals + 1);
        if (!is_plain_name(name)) {
            return malformed("a query parameter with an odd name");
        }
        // Servers that take ';' for '&' see another parameter here.
        if (const std::size_t semicolon = value.find(';');
            semicolon != std::string_view::npos && value.find('=', semicolon) != value.npos) {
            return malformed("query parameters with ';' between them");
        }
        if (is_base64_request(piece, value)) {
            return malformed("a base64 query mixed with plain parameters");
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (same_name(names[i], name)) {
                return malformed("a repeated query parameter");
            }
        }
        if (count == names.size()) {
            return malformed("too many query parameters");
        }
        names[count++] = name;
        if (Result<void> taken = take(name, value, request); !taken) {
            return taken;
        }
    }
    if (request.device_id.size() > kMostDeviceIdBytes) {
        return malformed("a device id of more than 255 bytes");
    }
    request.has_device_id = !request.device_id.empty();
    return {};
}

}  // namespace eg::filters::eas
