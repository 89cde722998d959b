#include "proxy/log/escape.h"

#include <array>
#include <cstdint>

#include "proxy/base/words.h"
#include "proxy/log/plain_line.h"

namespace eg::log {
namespace {

constexpr std::string_view kCutMark = "[cut]";
constexpr std::size_t kMostRestBytes = 64 * kMostValueBytes;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

/// For each style, which ASCII bytes pass as they are. Bytes from 0x80 on are decoded first.
constexpr std::array<bool, 128> plain_bytes(Style style) {
    std::array<bool, 128> plain{};
    for (std::size_t c = 0x20; c < 0x7F; ++c) {
        plain[c] = c != '\\';
    }
    plain['"'] = style == Style::rest;
    plain[' '] = style != Style::word;
    return plain;
}
constexpr std::array<std::array<bool, 128>, 4> kPlain = {
    plain_bytes(Style::word), plain_bytes(Style::quoted), plain_bytes(Style::rest),
    plain_bytes(Style::json)};

struct Character {
    std::size_t length = 1;
    std::uint32_t code = 0;
    bool valid = false;  // else: one byte that belongs to no UTF-8 sequence
};

/// The character at the start of `bytes`, by the table of RFC 3629 4.
Character decode(std::string_view bytes) {
    const auto byte = [bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    const std::uint32_t first = byte(0);
    if (first < 0x80) {
        return {1, first, true};
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || bytes.size() < length) {
        return {1, first, false};
    }
    std::uint32_t code = first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) {
            return {1, first, false};
        }
        code = code << 6U | (byte(i) & 0x3FU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (overlong || surrogate || code > 0x10FFFF) {
        return {1, first, false};
    }
    return {length, code, true};
}

/// Characters beyond ASCII that break a line, read as a space, or turn or hide text.
bool is_tricky(std::uint32_t code) {
    return (code >= 0x80 && code <= 0xA0) || code == 0xAD || code == 0x61C || code == 0x1680 ||
           code == 0x180E || (code >= 0x2000 && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202F) || (code >= 0x205F && code <= 0x206F) ||
           code == 0x3000 || code == 0xFEFF || (code >= 0xE0000 && code <= 0xE0FFF);
}

void append_hex(std::string& out, std::uint32_t value, unsigned digits) {
    for (unsigned i = digits; i > 0; --i) {
        out.push_back(kHexDigits[value >> (4 * (i - 1)) & 0xFU]);
    }
}

void escape_text(std::string& out, std::string_view bytes) {
    for (const char c : bytes) {
        out.append("\\x");
        append_hex(out, static_cast<std::uint8_t>(c), 2);
    }
}

void escape_json(std::string& out, std::uint32_t code) {
    if (code == '"' || code == '\\') {
        out.push_back('\\');
        out.push_back(static_cast<char>(code));
    } else if (code < 0x10000) {
        out.append("\\u");
        append_hex(out, code, 4);
    } else {  // RFC 8259 7: as a surrogate pair
        out.append("\\u");
        append_hex(out, 0xD800 + ((code - 0x10000) >> 10U), 4);
        out.append("\\u");
        append_hex(out, 0xDC00 + ((code - 0x10000) & 0x3FFU), 4);
    }
}

void append_escaped(std::string& out, std::string_view value, Style style) {
    const auto& plain = kPlain[static_cast<std::size_t>(style)];
    std::size_t begin = 0;  // of the run that passes as it is
    std::size_t at = 0;
    while (at < value.size()) {
        const auto byte = static_cast<std::uint8_t>(value[at]);
        if (byte < 0x80 && plain[byte]) {
            ++at;
            continue;
        }
        const Character character = decode(value.substr(at));
        if (byte >= 0x80 && character.valid && !is_tricky(character.code)) {
            at += character.length;
            continue;
        }
        out.append(value, begin, at - begin);
        if (style == Style::json) {
            escape_json(out, character.code);
        } else {
            escape_text(out, value.substr(at, character.length));
        }
        at += character.length;
        begin = at;
    }
    out.append(value, begin);
}

void append_cut(std::string& out, std::string_view value, Style style, std::size_t most) {
    std::size_t end = most;
    for (unsigned back = 0; back < 3 && (static_cast<std::uint8_t>(value[end]) & 0xC0U) == 0x80U;
         ++back) {
        --end;  // not through the middle of a character
    }
    append_escaped(out, value.substr(0, end), style);
    out.append(kCutMark);
}

// Nearly all values pass as a whole: for them there is a copy of this for each style.
template <Style style>
void append_limited(std::string& out, std::string_view value, std::size_t most) {
    if (value.size() > most) {
        append_cut(out, value, style, most);
    } else if (words::for_all(value, 'x', all_plain<style>)) {
        out.append(value);
    } else {
        append_escaped(out, value, style);
    }
}

template <Style style>
void append_value(std::string& out, std::string_view value) {
    if (value.empty()) {
        out.push_back('-');
    } else if (value == "-") {
        escape_text(out, value);
    } else {
        append_limited<style>(out, value, kMostValueBytes);
    }
}

void append_json(std::string& out, std::string_view value, std::size_t most) {
    out.push_back('"');
    append_limited<Style::json>(out, value, most);
    out.push_back('"');
}

}  // namespace

void append_word(std::string& out, std::string_view value) {
    append_value<Style::word>(out, value);
}

void append_quoted(std::string& out, std::string_view value) {
    out.push_back('"');
    append_value<Style::quoted>(out, value);
    out.push_back('"');
}

void append_rest(std::string& out, std::string_view value) {
    append_limited<Style::rest>(out, value, kMostRestBytes);
}

void append_json_string(std::string& out, std::string_view value) {
    append_json(out, value, kMostValueBytes);
}

void append_json_rest(std::string& out, std::string_view value) {
    append_json(out, value, kMostRestBytes);
}

}  // namespace eg::log
