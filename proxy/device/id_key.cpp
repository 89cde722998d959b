#include "proxy/device/id_key.h"

#include <sys/random.h>

#include <bit>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/device/record.h"

namespace eg::device {

namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

struct HashKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

HashKey random_key() {
    HashKey key;
    EG_CHECK(getrandom(&key, sizeof key, 0) == static_cast<ssize_t>(sizeof key));
    return key;
}

struct SipState {
    std::uint64_t v0, v1, v2, v3;

    explicit SipState(const HashKey& key)
        : v0(key.k0 ^ 0x736f6d6570736575ULL),
          v1(key.k1 ^ 0x646f72616e646f6dULL),
          v2(key.k0 ^ 0x6c7967656e657261ULL),
          v3(key.k1 ^ 0x7465646279746573ULL) {}

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }

    void word(std::uint64_t m) {
        v3 ^= m;
        round();
        v0 ^= m;
    }
};

}  // namespace

std::uint64_t keyed_hash(std::string_view bytes) {
    static const HashKey key = random_key();
    SipState sip(key);
    const auto length = static_cast<std::uint64_t>(bytes.size());
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t m = 0;
        std::memcpy(&m, bytes.data(), sizeof m);
        sip.word(m);
        bytes.remove_prefix(sizeof m);
    }
    std::uint64_t last = 0;
    if (!bytes.empty()) {
        std::memcpy(&last, bytes.data(), bytes.size());
    }
    sip.word(last | length << 56);
    sip.v2 ^= 0xff;
    sip.round();
    sip.round();
    sip.round();
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

IdKey::IdKey(std::string_view id, Spelling spelling) {
    const bool as_text = spelling == Spelling::canonical && is_text_id(id);
    size_ = as_text ? id.size() : 2 * id.size();
    char* out = short_.data();
    if (size_ > short_.size()) {
        long_.resize(size_);
        out = long_.data();
    }
    data_ = out;
    for (const char c : id) {
        if (as_text) {
            *out++ = to_upper(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            *out++ = kDigits[byte >> 4];
            *out++ = kDigits[byte & 15];
        }
    }
    hash_ = keyed_hash(text());
}

bool IdKey::equals(std::string_view id, bool is_text) const {
    if (size_ != (is_text ? id.size() : 2 * id.size())) {
        return false;
    }
    const char* key = data_;
    for (const char c : id) {
        if (is_text) {
            if (*key++ != to_upper(c)) {
                return false;
            }
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        if (key[0] != kDigits[byte >> 4] || key[1] != kDigits[byte & 15]) {
            return false;
        }
        key += 2;
    }
    return true;
}

}  // namespace eg::device
