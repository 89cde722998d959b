#include "proxy/device/state_format.h"

#include <algorithm>

namespace eg::device::format {

namespace {

template <typename Number>
void put(Number number, std::vector<unsigned char>& out) {
    const auto bits = static_cast<std::uint64_t>(number);
    for (std::size_t i = 0; i < sizeof number; ++i) {
        out.push_back(static_cast<unsigned char>(bits >> (8 * i) & 0xFF));
    }
}

void put_text(std::string_view text, std::vector<unsigned char>& out) {
    out.insert(out.end(), text.begin(), text.end());
}

void put_contact(const Contact& contact, std::vector<unsigned char>& out) {
    out.insert(out.end(), contact.at.boot.begin(), contact.at.boot.end());
    put(contact.at.boottime_ms, out);
    put(contact.at.wall_ms, out);
    put(contact.highest_wall_ms, out);
}

/// Takes fields off the front of bytes that are long enough.
class Fields {
  public:
    explicit Fields(std::span<const unsigned char> bytes) : bytes_(bytes) {}

    std::span<const unsigned char> take(std::size_t count) {
        const auto taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }

    template <typename Number>
    Number number() {
        std::uint64_t bits = 0;
        unsigned shift = 0;
        for (const unsigned char byte : take(sizeof(Number))) {
            bits |= static_cast<std::uint64_t>(byte) << shift;
            shift += 8;
        }
        return static_cast<Number>(bits);
    }

    Contact contact() {
        Contact contact;
        std::ranges::copy(take(contact.at.boot.size()), contact.at.boot.begin());
        contact.at.boottime_ms = number<std::int64_t>();
        contact.at.wall_ms = number<std::int64_t>();
        contact.highest_wall_ms = number<std::int64_t>();
        return contact;
    }

  private:
    std::span<const unsigned char> bytes_;
};

/// Clocks that nobody has: refused, so that ages can be computed without overflow.
bool plausible(const Contact& contact) {
    constexpr std::int64_t kMost = std::int64_t{1} << 52;
    const auto fits = [](std::int64_t ms) { return ms >= 0 && ms <= kMost; };
    return fits(contact.at.boottime_ms) && fits(contact.at.wall_ms) &&
           fits(contact.highest_wall_ms);
}

}  // namespace

Sum seed(std::string_view name) {
    Digest digest;
    digest.add(as_bytes(kSeed));
    digest.add(as_bytes(name));
    return digest.finish();
}

Sum chain(const Sum& before, std::span<const unsigned char> bytes) {
    Digest digest;
    digest.add(before);
    digest.add(bytes);
    return digest.finish();
}

std::vector<unsigned char> write_head(const BlockHead& head, const Sum& before) {
    std::vector<unsigned char> out;
    out.reserve(kHeadBytes + kSumBytes);
    put_text(kBlockMagic, out);
    out.push_back(static_cast<unsigned char>(head.kind));
    out.push_back(head.policy.only_secure_email ? 1 : 0);
    put(head.cursor_bytes, out);
    put(std::uint32_t{0}, out);
    put(head.body_bytes, out);
    put(head.records, out);
    put_contact(head.contact, out);
    const Sum sum = chain(before, out);
    out.insert(out.end(), sum.begin(), sum.end());
    return out;
}

std::optional<BlockHead> read_head(std::span<const unsigned char> bytes) {
    if (bytes.size() != kHeadBytes) {
        return std::nullopt;
    }
    Fields fields(bytes);
    if (!std::ranges::equal(fields.take(kBlockMagic.size()), as_bytes(kBlockMagic))) {
        return std::nullopt;
    }
    BlockHead head;
    head.kind = static_cast<BlockKind>(fields.number<unsigned char>());
    const auto policy = fields.number<unsigned char>();
    head.policy.only_secure_email = policy == 1;
    head.cursor_bytes = fields.number<std::uint16_t>();
    const auto zero = fields.number<std::uint32_t>();
    head.body_bytes = fields.number<std::uint64_t>();
    head.records = fields.number<std::uint64_t>();
    head.contact = fields.contact();
    const bool known = head.kind == BlockKind::whole || head.kind == BlockKind::delta;
    if (!known || policy > 1 || zero != 0 ||
        head.cursor_bytes > kMostCursorBytes + kMostMarkBytes ||
        head.body_bytes < head.cursor_bytes || !plausible(head.contact)) {
        return std::nullopt;
    }
    return head;
}

std::vector<unsigned char> write_contact(const ContactRecord& record) {
    std::vector<unsigned char> out;
    out.reserve(kContactBytes);
    put_text(kContactMagic, out);
    out.insert(out.end(), record.states.begin(), record.states.end());
    put_contact(record.contact, out);
    Digest digest;
    digest.add(out);
    const Sum sum = digest.finish();
    out.insert(out.end(), sum.begin(), sum.end());
    return out;
}

std::optional<ContactRecord> read_contact(std::span<const unsigned char> bytes) {
    if (bytes.size() != kContactBytes) {
        return std::nullopt;
    }
    Digest digest;
    digest.add(bytes.first(kContactBytes - kSumBytes));
    const Sum sum = digest.finish();
    Fields fields(bytes);
    if (!std::ranges::equal(fields.take(kContactMagic.size()), as_bytes(kContactMagic)) ||
        !std::ranges::equal(sum, bytes.last(kSumBytes))) {
        return std::nullopt;
    }
    ContactRecord record;
    std::ranges::copy(fields.take(kSumBytes), record.states.begin());
    record.contact = fields.contact();
    return plausible(record.contact) ? std::optional(record) : std::nullopt;
}

}  // namespace eg::device::format
