#include <bitset>
#include <optional>
#include <string>

#include "filters/eas/query.h"
#include "proxy/base/base64.h"
#include "proxy/base/scratch.h"
#include "proxy/base/text.h"
#include "proxy/base/words.h"
#include "proxy/http/target.h"

namespace eg::filters::eas {

namespace {

constexpr std::size_t kUsualBytes = 256;
constexpr std::size_t kLocaleBytes = 2;
constexpr std::size_t kPolicyKeyBytes = 4;
/// Tags of the parameters ([MS-ASHTTP] 2.2.1.1.1.1.2); all others are skipped.
constexpr unsigned char kOptionsTag = 7;
constexpr unsigned char kUserTag = 8;
/// AttachmentName, CollectionId, ItemId, LongId, Occurrence and User are text.
constexpr std::bitset<9> kTextTags{0b1'0101'1011};

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// Takes bytes off the front; nothing once they run out.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    [[nodiscard]] bool done() const { return rest_.empty(); }

    std::optional<std::string_view> bytes(std::size_t count) {
        if (rest_.size() < count) {
            return std::nullopt;
        }
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }
    std::optional<unsigned char> byte() {
        const std::optional<std::string_view> one = bytes(1);
        return one ? std::optional(static_cast<unsigned char>(one->front())) : std::nullopt;
    }
    /// A length of one byte, and so many bytes.
    std::optional<std::string_view> counted() {
        const std::optional<unsigned char> count = byte();
        return count ? bytes(*count) : std::nullopt;
    }

  private:
    std::string_view rest_;
};

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
    }
    return value;
}

Result<void> read_parameters(Reader& reader, EasRequest& request) {
    std::bitset<256> seen;
    while (!reader.done()) {
        const std::optional<unsigned char> tag = reader.byte();
        const std::optional<std::string_view> value = reader.counted();
        if (!tag || !value) {
            return malformed("a base64 query whose parameters run over its end");
        }
        if (seen.test(*tag)) {
            return malformed("a base64 query with a repeated parameter");
        }
        seen.set(*tag);
        if (*tag < kTextTags.size() && kTextTags.test(*tag) && has_control_bytes(*value)) {
            return malformed("a base64 query with control bytes in a text");
        }
        if (*tag == kOptionsTag && value->size() != 1) {
            return malformed("a base64 query with options of other than one byte");
        }
        if (*tag == kUserTag) {
            set_utf8(request.user, *value);
        }
    }
    return {};
}

Result<void> read_bytes(std::string_view bytes, EasRequest& request) {
    Reader reader(bytes);
    const std::optional<unsigned char> version = reader.byte();
    const std::optional<unsigned char> code = reader.byte();
    const std::optional<std::string_view> locale = reader.bytes(kLocaleBytes);
    const std::optional<std::string_view> device_id = reader.counted();
    const std::optional<std::string_view> policy_key = reader.counted();
    const std::optional<std::string_view> device_type = reader.counted();
    if (!version || !code || !locale || !device_id || !policy_key || !device_type) {
        return malformed("a base64 query that ends early");
    }
    if (!is_version(*version)) {
        return malformed("a base64 query with an unknown protocol version");
    }
    if (device_id->empty()) {
        return malformed("a base64 query without a device id");
    }
    if (!policy_key->empty() && policy_key->size() != kPolicyKeyBytes) {
        return malformed("a base64 query with an odd policy key");
    }
    if (has_control_bytes(*device_type)) {
        return malformed("a base64 query with control bytes in a text");
    }
    const std::optional<Command> command = command_by_code(*code);
    request.command = command.value_or(Command::none);
    request.unknown_command = !command;
    request.protocol_version = *version;
    request.has_device_id = true;
    request.device_id = *device_id;
    request.has_policy_key = !policy_key->empty();
    request.policy_key = little_endian(*policy_key);
    request.device_type = *device_type;
    return read_parameters(reader, request);
}

}  // namespace

bool is_base64_form(std::string_view query) {
    const std::size_t last = query.find_last_not_of('=');
    if (last == std::string_view::npos || query.size() - last > 3) {
        return false;
    }
    query = query.substr(0, last + 1);
    return !query.contains('=') && !query.contains('&');
}

Result<void> read_base64_query(std::string_view query, EasRequest& request) {
    std::optional<std::string> unescaped;
    if (query.contains('%')) {
        unescaped = http::percent_decode(query);
        if (!unescaped) {
            return malformed("a query with broken percent-encoding");
        }
        query = *unescaped;
    }
    Scratch<kUsualBytes> bytes(base64_room(query.size()));
    const std::optional<std::size_t> size = base64_decode_into(query, bytes.data());
    if (!size) {
        return malformed("a query that is neither plain nor base64");
    }
    request.base64_form = true;
    return read_bytes({bytes.data(), *size}, request);
}

bool has_control_bytes(std::string_view text) {
    return !words::for_all(text, ' ',
                           [](std::uint64_t word) { return words::controls(word) == 0; });
}

void set_utf8(ShortText& out, std::string_view text) {
    if (is_utf8(text)) {
        out = text;
        return;
    }
    char* const begin = out.room(text.size() * 2);
    char* end = begin;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            *end++ = c;
        } else {
            *end++ = static_cast<char>(0xC0 | byte >> 6);
            *end++ = static_cast<char>(0x80 | (byte & 0x3F));
        }
    }
    out.cut(static_cast<std::size_t>(end - begin));
}

}  // namespace eg::filters::eas
