#include "proxy/net/record_protection.h"

#include <algorithm>
#include <limits>

#include <openssl/crypto.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

unsigned char* bytes_of(char* text) {
    return reinterpret_cast<unsigned char*>(text);
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

RecordSuite suite(const char* cipher, std::size_t key, HkdfHash hash) {
    return {.cipher = EVP_CIPHER_fetch(nullptr, cipher, nullptr),
            .key_bytes = key,
            .hash_bytes = bytes_of(hash),
            .hash = hash};
}

}  // namespace

const RecordSuite* RecordSuite::find(std::uint16_t id) {
    static const std::array kSuites{suite("AES-128-GCM", 16, HkdfHash::sha256),
                                    suite("AES-256-GCM", 32, HkdfHash::sha384),
                                    suite("ChaCha20-Poly1305", 32, HkdfHash::sha256)};
    constexpr unsigned kFirst = 0x1301;  // TLS_AES_128_GCM_SHA256, RFC 8446 B.4
    const std::size_t index = std::size_t{id} - kFirst;
    if (id < kFirst || index >= kSuites.size() || kSuites[index].cipher == nullptr) {
        return nullptr;
    }
    return &kSuites[index];
}

RecordProtection::RecordProtection(const RecordSuite& suite, Direction direction, Octets secret,
                                   std::uint64_t next)
    : suite_(suite), next_(next), direction_(direction) {
    EG_CHECK(secret.size() == suite.hash_bytes);
    std::copy(secret.begin(), secret.end(), secret_.begin());
    make_key();
}

RecordProtection::~RecordProtection() {
    OPENSSL_cleanse(secret_.data(), secret_.size());
    OPENSSL_cleanse(key_.data(), key_.size());
    OPENSSL_cleanse(iv_.data(), iv_.size());
}

bool RecordProtection::derive(std::string_view label, std::span<unsigned char> out) const {
    return hkdf_expand_label(suite_.hash, Octets(secret_).first(suite_.hash_bytes), label, {}, out);
}

void RecordProtection::make_key() {
    usable_ = derive("key", {key_.data(), suite_.key_bytes}) && derive("iv", iv_);
    hkdf_forget(suite_.hash);
}

void RecordProtection::update() {
    std::array<unsigned char, kMostHashBytes> fresh{};
    usable_ = usable_ && derive("traffic upd", {fresh.data(), suite_.hash_bytes});
    secret_ = fresh;
    OPENSSL_cleanse(fresh.data(), fresh.size());
    cipher_.reset();
    next_ = 0;
    if (usable_) {
        make_key();
    }
}

EVP_CIPHER_CTX* RecordProtection::next_record() {
    // A number never comes twice with a key, whatever happens afterwards.
    if (!usable_ || next_ == std::numeric_limits<std::uint64_t>::max()) {
        return nullptr;
    }
    std::array<unsigned char, 12> nonce = iv_;
    for (std::size_t i = 0; i < 8; ++i) {
        nonce[nonce.size() - 1 - i] ^= static_cast<unsigned char>(next_ >> (8 * i));
    }
    ++next_;
    const bool anew = cipher_ == nullptr;
    if (anew) {
        cipher_.reset(EVP_CIPHER_CTX_new());
    }
    usable_ = cipher_ != nullptr &&
              EVP_CipherInit_ex2(cipher_.get(), anew ? suite_.cipher : nullptr,
                                 anew ? key_.data() : nullptr, nonce.data(),
                                 direction_ == Direction::seals ? 1 : 0, nullptr) == 1;
    return usable_ ? cipher_.get() : nullptr;
}

std::size_t RecordProtection::seal(ContentType type, std::string_view content, char* out) {
    EG_CHECK(direction_ == Direction::seals && content.size() <= kRecordBytes);
    EVP_CIPHER_CTX* cipher = next_record();
    if (cipher == nullptr) {
        return 0;
    }
    const std::size_t sealed = content.size() + 1 + kTagBytes;
    unsigned char* const header = bytes_of(out);
    header[0] = static_cast<unsigned char>(ContentType::application_data);
    header[1] = 3;  // 0x0303, whatever the version (RFC 8446 5.2)
    header[2] = 3;
    header[3] = static_cast<unsigned char>(sealed >> 8);
    header[4] = static_cast<unsigned char>(sealed);
    unsigned char* const body = header + kRecordHeaderBytes;
    unsigned char* const end = body + content.size();
    const auto inner = static_cast<unsigned char>(type);
    int count = 0;
    usable_ = EVP_EncryptUpdate(cipher, nullptr, &count, header, kRecordHeaderBytes) == 1 &&
              (content.empty() || EVP_EncryptUpdate(cipher, body, &count, bytes_of(content),
                                                    static_cast<int>(content.size())) == 1) &&
              EVP_EncryptUpdate(cipher, end, &count, &inner, 1) == 1 &&
              EVP_EncryptFinal_ex(cipher, end + 1, &count) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, kTagBytes, end + 1) == 1;
    return usable_ ? kRecordHeaderBytes + sealed : 0;
}

std::optional<std::size_t> RecordProtection::open(std::string_view record, char* into) {
    EG_CHECK(direction_ == Direction::opens && record.size() > kRecordHeaderBytes + kTagBytes);
    EVP_CIPHER_CTX* cipher = next_record();
    if (cipher == nullptr) {
        return {};
    }
    const std::string_view header = record.substr(0, kRecordHeaderBytes);
    const std::string_view sealed =
        record.substr(kRecordHeaderBytes, record.size() - kRecordHeaderBytes - kTagBytes);
    std::array<unsigned char, kTagBytes> tag;
    const std::string_view sent_tag = record.substr(record.size() - kTagBytes);
    std::copy(sent_tag.begin(), sent_tag.end(), tag.begin());
    int count = 0;
    usable_ =
        EVP_DecryptUpdate(cipher, nullptr, &count, bytes_of(header), kRecordHeaderBytes) == 1 &&
        EVP_DecryptUpdate(cipher, bytes_of(into), &count, bytes_of(sealed),
                          static_cast<int>(sealed.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher, tag.data(), &count) == 1;
    if (!usable_) {
        return {};
    }
    return sealed.size();
}

}  // namespace eg::net
