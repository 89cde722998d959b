#include "proxy/net/ticket_keys.h"

#include <algorithm>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

constexpr int kIvBytes = 16;  // of AES-CBC

// RFC 5869 with SHA-256.
void derive(std::string_view secret, std::string_view info, unsigned char* out,
            std::size_t length) {
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    EVP_KDF_free(kdf);
    char digest[] = "SHA256";
    // OSSL_PARAM has no const form; the values are only read.
    // NOLINTBEGIN(cppcoreguidelines-pro-type-const-cast)
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<char*>(secret.data()),
                                          secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()),
                                          info.size()),
        OSSL_PARAM_construct_end()};
    // NOLINTEND(cppcoreguidelines-pro-type-const-cast)
    EG_CHECK(context != nullptr && EVP_KDF_derive(context, out, length, parameters) == 1);
    EVP_KDF_CTX_free(context);
}

}  // namespace

TicketKeys::TicketKeys(std::string_view file_content, std::string_view instance,
                       std::chrono::steady_clock::duration rotation)
    : random_(file_content.empty()), rotation_(rotation), made_(std::chrono::steady_clock::now()) {
    if (random_) {
        rotate();
        return;
    }
    const std::string info = "easgate ticket key " + std::string(instance);
    for (std::size_t at = 0; at + kFileKeyBytes <= file_content.size(); at += kFileKeyBytes) {
        Key key{};
        std::array<unsigned char, kFileKeyBytes> bytes{};
        derive(file_content.substr(at, kFileKeyBytes), info, bytes.data(), bytes.size());
        std::memcpy(key.name.data(), bytes.data(), 16);
        std::memcpy(key.cipher_key.data(), bytes.data() + 16, 32);
        std::memcpy(key.mac_key.data(), bytes.data() + 48, 32);
        keys_.push_back(key);
    }
    EG_CHECK(!keys_.empty());
}

void TicketKeys::rotate() {
    Key fresh{};
    EG_CHECK(RAND_bytes(fresh.name.data(), 16) == 1 &&
             RAND_bytes(fresh.cipher_key.data(), 32) == 1 &&
             RAND_bytes(fresh.mac_key.data(), 32) == 1);
    keys_.insert(keys_.begin(), fresh);
    keys_.resize(std::min<std::size_t>(keys_.size(), 2));
    made_ = std::chrono::steady_clock::now();
}

int TicketKeys::apply(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int sealing) {
    const std::lock_guard lock(mutex_);
    if (random_ && std::chrono::steady_clock::now() - made_ > rotation_) {
        rotate();
    }
    auto key = keys_.begin();
    if (sealing == 1) {
        if (RAND_bytes(iv, kIvBytes) != 1) {
            return -1;
        }
        std::memcpy(name, key->name.data(), key->name.size());
    } else {
        key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& candidate) {
            return std::memcmp(candidate.name.data(), name, candidate.name.size()) == 0;
        });
        if (key == keys_.end()) {
            return 0;  // sealed by nobody we know: a full handshake
        }
    }
    // Fetched once: by name OpenSSL would look it up each time.
    static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(
                                   OSSL_MAC_PARAM_KEY, key->mac_key.data(), key->mac_key.size()),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, parameters) != 1 ||
        EVP_CipherInit_ex(cipher, kCipher, nullptr, key->cipher_key.data(), iv, sealing) != 1) {
        return -1;
    }
    // 2 asks OpenSSL for a fresh ticket: the one that came was sealed by an older key.
    return sealing == 1 || key == keys_.begin() ? 1 : 2;
}

}  // namespace eg::net
