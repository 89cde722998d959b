#include "proxy/device/id_key.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/base/words.h"
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
    while (bytes.size() >= words::kBytes) {
        sip.word(words::load(bytes.data()));
        bytes.remove_prefix(words::kBytes);
    }
    sip.word(words::load_some(bytes.data(), bytes.size()) | length << 56);
    sip.v2 ^= 0xff;
    sip.round();
    sip.round();
    sip.round();
    return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

IdKey::IdKey(std::string_view id, Spelling spelling) : id_(id) {
    char* out = short_.data();
    if (2 * id.size() > short_.size()) {
        long_.resize(2 * id.size());
        out = long_.data();
    }
    data_ = out;
    is_text_ = write_text(id, out);
    size_ = id.size();
    if (!is_text_ || spelling == Spelling::hex) {
        size_ = 2 * id.size();
        for (const char c : id) {
            const auto byte = static_cast<unsigned char>(c);
            *out++ = kDigits[byte >> 4];
            *out++ = kDigits[byte & 15];
        }
    }
    hash_ = keyed_hash(text());
}

bool IdKey::write_text(std::string_view id, char* out) {
    if (id.size() < words::kBytes) {
        std::transform(id.begin(), id.end(), out, to_upper);
        return is_text_id(id);
    }
    for (std::size_t i = 0;; i += words::kBytes) {
        i = std::min(i, id.size() - words::kBytes);  // the last word may repeat bytes
        const std::uint64_t word = words::load(id.data() + i);
        if (!words::all_alnum(word)) {
            return false;
        }
        const std::uint64_t upper = words::upper(word);
        std::memcpy(out + i, &upper, sizeof upper);
        if (i + words::kBytes == id.size()) {
            return true;
        }
    }
}

bool IdKey::equals(std::string_view id, bool is_text) const {
    if (size_ != (is_text ? id.size() : 2 * id.size())) {
        return false;
    }
    if (is_text) {
        // Mostly the MDM server writes it as the phone does; else, since both have the form of a
        // text id, they differ in letter case only.
        return id_ == id || iequals(text(), id);
    }
    const char* key = data_;
    for (const char c : id) {
        const auto byte = static_cast<unsigned char>(c);
        if (key[0] != kDigits[byte >> 4] || key[1] != kDigits[byte & 15]) {
            return false;
        }
        key += 2;
    }
    return true;
}

}  // namespace eg::device
