#include "proxy/net/hkdf.h"

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

constexpr std::string_view kPrefix = "tls13 ";
constexpr std::size_t kMostLabelBytes = 32;

struct MacFree {
    void operator()(EVP_MAC_CTX* p) const { EVP_MAC_CTX_free(p); }
};
using MacPtr = std::unique_ptr<EVP_MAC_CTX, MacFree>;

MacPtr make_mac(const char* digest) {
    static EVP_MAC* const kHmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    MacPtr mac(kHmac == nullptr ? nullptr : EVP_MAC_CTX_new(kHmac));
    const std::array parameters{
        // It is only read; OSSL_PARAM has no const form.
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    if (mac != nullptr && EVP_MAC_CTX_set_params(mac.get(), parameters.data()) != 1) {
        mac.reset();
    }
    return mac;
}

/// Kept, since to set it up costs more than to use it.
EVP_MAC_CTX* mac_of_thread(HkdfHash hash) {
    if (hash == HkdfHash::sha256) {
        thread_local const MacPtr sha256 = make_mac("SHA256");
        return sha256.get();
    }
    thread_local const MacPtr sha384 = make_mac("SHA384");
    return sha384.get();
}

// `key` isn't empty: OpenSSL would take the one before. `out` may be shorter than the MAC.
bool hmac(HkdfHash hash, Octets key, Octets data, std::span<unsigned char> out) {
    EG_CHECK(!key.empty());
    EVP_MAC_CTX* mac = mac_of_thread(hash);
    std::array<unsigned char, kMostHashBytes> full{};
    std::size_t written = 0;
    const bool done = mac != nullptr && EVP_MAC_init(mac, key.data(), key.size(), nullptr) == 1 &&
                      EVP_MAC_update(mac, data.data(), data.size()) == 1 &&
                      EVP_MAC_final(mac, full.data(), &written, full.size()) == 1;
    std::copy_n(full.begin(), out.size(), out.begin());
    OPENSSL_cleanse(full.data(), full.size());
    return done && written == bytes_of(hash);
}

}  // namespace

std::optional<HkdfHash> hkdf_hash(const char* name) {
    for (const char* alias : {"SHA256", "SHA2-256", "SHA-256"}) {
        if (OPENSSL_strcasecmp(name, alias) == 0) {
            return HkdfHash::sha256;
        }
    }
    for (const char* alias : {"SHA384", "SHA2-384", "SHA-384"}) {
        if (OPENSSL_strcasecmp(name, alias) == 0) {
            return HkdfHash::sha384;
        }
    }
    return {};
}

bool hkdf_extract(HkdfHash hash, Octets salt, Octets key_material, std::span<unsigned char> out) {
    EG_CHECK(out.size() == bytes_of(hash));
    constexpr std::array<unsigned char, 1> kNone{};  // a key of HMAC ends in zeros anyway
    return hmac(hash, salt.empty() ? Octets(kNone) : salt, key_material, out);
}

bool hkdf_expand_label(HkdfHash hash, Octets secret, std::string_view label, Octets context,
                       std::span<unsigned char> out) {
    EG_CHECK(out.size() <= bytes_of(hash) && label.size() <= kMostLabelBytes &&
             context.size() <= kMostHashBytes);
    // HkdfLabel (RFC 8446 7.1), and the number of the first and only block (RFC 5869 2.3).
    std::array<unsigned char, 2 + 1 + kPrefix.size() + kMostLabelBytes + 1 + kMostHashBytes + 1>
        info;
    auto* end = info.begin();
    *end++ = 0;
    *end++ = static_cast<unsigned char>(out.size());
    *end++ = static_cast<unsigned char>(kPrefix.size() + label.size());
    end = std::copy(kPrefix.begin(), kPrefix.end(), end);
    end = std::copy(label.begin(), label.end(), end);
    *end++ = static_cast<unsigned char>(context.size());
    end = std::copy(context.begin(), context.end(), end);
    *end++ = 1;
    return hmac(hash, secret, {info.begin(), end}, out);
}

void hkdf_forget(HkdfHash hash) {
    constexpr std::array<unsigned char, 1> kNone{};
    if (EVP_MAC_CTX* mac = mac_of_thread(hash); mac != nullptr) {
        EVP_MAC_init(mac, kNone.data(), kNone.size(), nullptr);
    }
}

}  // namespace eg::net
