#include "filters/ntlm.h"

#include <cstddef>
#include <cstdint>

#include "filters/eas/query.h"
#include "proxy/base/text.h"

namespace eg::filters {

namespace {

constexpr std::size_t kTypeAt = 8;
constexpr std::size_t kDomainAt = 28;  // DomainNameFields of type 3, [MS-NLMP] 2.2.1.3
constexpr std::size_t kUserAt = 36;
constexpr std::size_t kFlagsAt = 60;
constexpr std::size_t kFixedBytes = 64;  // up to the flags; all that is before the payload
constexpr std::uint32_t kUnicode = 1;    // NTLMSSP_NEGOTIATE_UNICODE
constexpr std::size_t kMostNameBytes = 1024;

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

std::uint32_t read_number(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = count; i > 0; --i) {
        value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    }
    return value;
}

void append_utf8(char32_t c, std::string& out) {
    if (c < 0x80) {
        out += static_cast<char>(c);
        return;
    }
    int shift = c < 0x800 ? 6 : c < 0x1'0000 ? 12 : 18;
    const unsigned lead = shift == 6 ? 0xC0 : shift == 12 ? 0xE0 : 0xF0;
    out += static_cast<char>(lead | c >> shift);
    while (shift > 0) {
        shift -= 6;
        out += static_cast<char>(0x80 | (c >> shift & 0x3F));
    }
}

bool append_utf16(std::string_view bytes, std::string& out) {
    if (bytes.size() % 2 != 0) {
        return false;
    }
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        char32_t c = read_number(bytes, i, 2);
        if (c >= 0xD800 && c < 0xE000) {
            const char32_t low = i + 4 <= bytes.size() ? read_number(bytes, i + 2, 2) : 0;
            if (c >= 0xDC00 || low < 0xDC00 || low >= 0xE000) {
                return false;
            }
            c = 0x1'0000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        append_utf8(c, out);
    }
    return true;
}

/// The name whose length and offset stand at `at`.
Result<std::string> read_name(std::string_view message, std::size_t at, bool unicode) {
    const std::size_t length = read_number(message, at, 2);
    const std::size_t offset = read_number(message, at + 4, 4);
    std::string name;
    if (length == 0) {
        return name;
    }
    if (length > kMostNameBytes || offset > message.size() || length > message.size() - offset) {
        return malformed("an NTLM message whose names run over its end");
    }
    const std::string_view bytes = message.substr(offset, length);
    if (!unicode) {
        ShortText text;
        eas::set_utf8(text, bytes);
        name = text.view();
    } else if (!append_utf16(bytes, name)) {
        return malformed("an NTLM message with a name that is not UTF-16");
    }
    // A name that brings a separator of its own would read as another name in another domain.
    if (eas::has_control_bytes(name) || name.find('\\') != std::string::npos) {
        return malformed("an NTLM message with a forbidden character in a name");
    }
    return name;
}

}  // namespace

Result<std::optional<std::string>> read_ntlm(std::string_view message) {
    if (!message.starts_with(kNtlmSignature) || message.size() < kTypeAt + 4) {
        return malformed("an NTLM message without its signature");
    }
    const std::uint32_t type = read_number(message, kTypeAt, 4);
    if (type == 1) {
        return std::nullopt;
    }
    if (type != 3 || message.size() < kFixedBytes) {
        return malformed("an NTLM message that no client sends");
    }
    const bool unicode = (read_number(message, kFlagsAt, 4) & kUnicode) != 0;
    Result<std::string> domain = read_name(message, kDomainAt, unicode);
    Result<std::string> user = read_name(message, kUserAt, unicode);
    if (!domain || !user) {
        return std::unexpected(domain ? user.error() : domain.error());
    }
    if (domain->empty() || user->empty()) {
        return std::move(*user);
    }
    return *domain + '\\' + *user;
}

}  // namespace eg::filters
