#include "proxy/device/record_format.h"

namespace eg::device::format {

namespace {

void put_number(std::size_t value, std::vector<unsigned char>& out) {
    while (value >= 0x80) {
        out.push_back(static_cast<unsigned char>((value & 0x7F) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<unsigned char>(value));
}

void put_text(std::string_view text, std::vector<unsigned char>& out) {
    put_number(text.size(), out);
    out.insert(out.end(), text.begin(), text.end());
}

/// Walks over bytes that nobody has looked at yet.
class Walk {
  public:
    explicit Walk(std::span<const unsigned char> bytes) : bytes_(bytes) {}

    std::optional<std::size_t> number() {
        std::size_t value = 0;
        for (unsigned shift = 0; shift < 21 && at_ < bytes_.size(); shift += 7) {
            const unsigned char byte = bytes_[at_++];
            value |= static_cast<std::size_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) {
                return value;
            }
        }
        return std::nullopt;
    }

    bool skip(std::size_t count) {
        if (count > bytes_.size() - at_) {
            return false;
        }
        at_ += count;
        return true;
    }

    /// The text of a length and that many bytes.
    std::optional<std::string_view> text() {
        const auto size = number();
        const std::size_t start = at_;
        if (!size || !skip(*size)) {
            return std::nullopt;
        }
        return std::string_view(reinterpret_cast<const char*>(bytes_.data()) + start, *size);
    }

    [[nodiscard]] std::size_t at() const { return at_; }

  private:
    std::span<const unsigned char> bytes_;
    std::size_t at_ = 0;
};

}  // namespace

bool encode(const RecordParts& record, std::vector<unsigned char>& out) {
    const std::size_t before = out.size();
    if (record.id.empty()) {
        return false;
    }
    const bool is_text = is_text_id(record.id);
    out.push_back(
        static_cast<unsigned char>(static_cast<unsigned>(record.state) | (is_text ? kTextId : 0U)));
    put_text(record.id, out);
    put_text(record.reason, out);
    put_number(record.users.size(), out);
    for (const std::string_view user : record.users) {
        put_text(user, out);
    }
    put_number(record.keys.size(), out);
    for (const KeyHash& key : record.keys) {
        out.insert(out.end(), key.begin(), key.end());
    }
    if (out.size() - before > kMostRecordBytes) {
        out.resize(before);
        return false;
    }
    return true;
}

std::optional<std::size_t> check(std::span<const unsigned char> bytes) {
    if (bytes.empty() || (bytes[0] & kStateMask) > kMostState ||
        (bytes[0] & ~(kStateMask | kTextId)) != 0) {
        return std::nullopt;
    }
    Walk walk(bytes);
    if (!walk.skip(1)) {
        return std::nullopt;
    }
    const auto id = walk.text();
    if (!id || id->empty() || is_text_id(*id) != ((bytes[0] & kTextId) != 0) || !walk.text()) {
        return std::nullopt;
    }
    const auto users = walk.number();
    for (std::size_t i = 0; users && i < *users; ++i) {
        if (!walk.text()) {
            return std::nullopt;
        }
    }
    const auto keys = users ? walk.number() : std::nullopt;
    if (!keys || !walk.skip(*keys * sizeof(KeyHash)) || walk.at() > kMostRecordBytes) {
        return std::nullopt;
    }
    return walk.at();
}

}  // namespace eg::device::format
