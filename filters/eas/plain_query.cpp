#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "filters/eas/query.h"
#include "proxy/base/small_text.h"
#include "proxy/base/text.h"
#include "proxy/base/words.h"
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

/// Parameters that mean something to us.
enum class Known : std::uint8_t { none, command, user, device_id, device_type };

/// The names as they are specified, by Known.
constexpr std::array<std::string_view, 5> kNames{"", "Cmd", "User", "DeviceId", "DeviceType"};

std::string_view specified_name(Known known) {
    return kNames[static_cast<std::size_t>(known)];
}

/// Of a name that is spelled without percent-encoding, in any letter case.
Known known_name(std::string_view name) {
    const auto is = [name](std::uint64_t begin, std::uint64_t end) {
        const std::size_t half = std::min(name.size(), words::kBytes);
        const char* const last = name.data() + name.size() - half;
        return half == words::kBytes ? words::lower(words::load(name.data())) == begin &&
                                           words::lower(words::load(last)) == end
                                     : words::lower(words::load_some(last, half)) == end;
    };
    using words::word_of;
    switch (name.size()) {
        case 3:
            return is(0, word_of("cmd")) ? Known::command : Known::none;
        case 4:
            return is(0, word_of("user")) ? Known::user : Known::none;
        case 8:
            return is(word_of("deviceid"), word_of("deviceid")) ? Known::device_id : Known::none;
        case 10:
            return is(word_of("devicety"), word_of("vicetype")) ? Known::device_type : Known::none;
        default:
            return Known::none;
    }
}

/// The same of a name in any spelling.
Known decoded_name(std::string_view name) {
    for (std::size_t i = 1; i < kNames.size(); ++i) {
        if (same_name(name, kNames[i])) {
            return static_cast<Known>(i);
        }
    }
    return Known::none;
}

/// Whether a value has anything else in it than bytes that stand for themselves.
bool needs_decoding(std::string_view value) {
    return !words::for_all(value, ' ', [](std::uint64_t word) {
        return (words::controls(word) | words::any(word, '%') | words::any(word, ';')) == 0;
    });
}

/// False if there are control bytes in it, or broken encoding.
bool decode_value(std::string_view raw, ShortText& out) {
    char* const begin = out.room(raw.size());
    char* end = begin;
    while (true) {
        const int byte = next_byte(raw);
        if (byte < 0) {
            out.cut(static_cast<std::size_t>(end - begin));
            return byte == -1;
        }
        if (byte < 0x20 || byte == 0x7F) {
            return false;
        }
        *end++ = static_cast<char>(byte);
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

/// A parameter as it stands in the query.
struct Parameter {
    std::string_view piece;  // all of it
    std::string_view name;
    std::string_view value;
    Known known = Known::none;
};

/// Takes the next parameter off the front of a query. Its `name` is all of `piece` if it has no
/// '='; an empty piece means nothing to any server.
Parameter next_parameter(std::string_view& query) {
    const std::string_view piece = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(piece.size() + 1, query.size()));
    const std::size_t equals = std::min(piece.find('='), piece.size());
    const std::string_view value = piece.substr(std::min(equals + 1, piece.size()));
    return {.piece = piece, .name = piece.substr(0, equals), .value = value};
}

/// Whether a parameter of that name, in any spelling, stands in the query.
bool is_named_in(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const Parameter parameter = next_parameter(query);
        if (!parameter.piece.empty() && same_name(parameter.name, name)) {
            return true;
        }
    }
    return false;
}

Result<void> take(const Parameter& parameter, bool encoded, EasRequest& request) {
    ShortText scratch;
    ShortText* target = &scratch;
    if (parameter.known == Known::user) {
        target = &request.user;
    } else if (parameter.known == Known::device_id) {
        target = &request.device_id;
    } else if (parameter.known == Known::device_type) {
        target = &request.device_type;
    }
    if (!encoded) {
        target->assign(parameter.value);
    } else if (!decode_value(parameter.value, *target)) {
        return malformed("a query parameter with a control byte or broken percent-encoding");
    }
    if (parameter.known == Known::command) {
        const std::optional<Command> command = command_by_name(scratch);
        request.command = command.value_or(Command::none);
        request.unknown_command = !command;
    } else if (parameter.known == Known::user && !is_utf8(request.user)) {
        set_utf8(request.user, ShortText(request.user));
    }
    return {};
}

/// What has been read of a query so far.
struct Progress {
    std::string_view before;  // the parameters that were taken
    unsigned seen = 0;        // a bit for each Known, where its name was spelled plainly
    std::size_t count = 0;
    bool others = false;  // there were names that are none of ours, or spelled otherwise
};

Result<void> check(Parameter& parameter, bool encoded, Progress& progress) {
    parameter.known = known_name(parameter.name);
    const bool plain = parameter.known != Known::none;
    if (!plain && !is_plain_name(parameter.name)) {
        return malformed("a query parameter with an odd name");
    }
    // Servers that take ';' for '&' see another parameter here.
    const std::size_t semicolon = encoded ? parameter.value.find(';') : std::string_view::npos;
    if (semicolon != std::string_view::npos && parameter.value.substr(semicolon).contains('=')) {
        return malformed("query parameters with ';' between them");
    }
    if (is_base64_request(parameter.piece, parameter.value)) {
        return malformed("a base64 query mixed with plain parameters");
    }
    const unsigned bit = plain ? 1U << static_cast<unsigned>(parameter.known) : 0;
    if ((progress.seen & bit) != 0 ||
        ((!plain || progress.others) && is_named_in(progress.before, parameter.name))) {
        return malformed("a repeated query parameter");
    }
    if (progress.count == kMostParameters) {
        return malformed("too many query parameters");
    }
    ++progress.count;
    progress.seen |= bit;
    progress.others = progress.others || !plain;
    if (!plain) {
        parameter.known = decoded_name(parameter.name);
    }
    return {};
}

}  // namespace

Result<void> read_plain_query(std::string_view query, EasRequest& request) {
    const std::string_view whole = query;
    Progress progress;
    while (!query.empty()) {
        progress.before = whole.substr(0, whole.size() - query.size());
        Parameter parameter = next_parameter(query);
        if (parameter.piece.empty()) {
            continue;  // "&&" and a last "&" mean nothing to any server
        }
        if (parameter.name.size() == parameter.piece.size()) {
            return malformed("a query parameter without '='");
        }
        const bool encoded = needs_decoding(parameter.value);
        if (const Result<void> good = check(parameter, encoded, progress); !good) {
            return good;
        }
        if (parameter.known != Known::none && parameter.name != specified_name(parameter.known)) {
            request.respelled = true;
        }
        if (const Result<void> taken = take(parameter, encoded, request); !taken) {
            return taken;
        }
    }
    if (request.device_id.size() > kMostDeviceIdBytes) {
        return malformed("a device id of more than 255 bytes");
    }
    request.has_device_id = !request.device_id.empty();
    return {};
}

std::string respell_query(std::string_view query) {
    std::string out;
    out.reserve(query.size());
    // Empty pieces stay: without an '&' the rest might be read as the other form.
    while (!query.empty()) {
        const std::string_view before = query;
        const Parameter parameter = next_parameter(query);
        const Known known = decoded_name(parameter.name);
        out += known == Known::none ? parameter.name : specified_name(known);
        out += before.substr(parameter.name.size(),
                             before.size() - parameter.name.size() - query.size());
    }
    return out;
}

}  // namespace eg::filters::eas
