/// One direction of the record protection of TLS 1.3 (RFC 8446 5.2, 5.3, 7.2, 7.3): a traffic
/// secret, the key and the nonces made of it, and the number of the next record. The ciphers and
/// the derivation are OpenSSL's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <openssl/evp.h>

#include "proxy/net/hkdf.h"

namespace eg::net {

/// RFC 8446 B.1.
enum class ContentType : std::uint8_t {
    change_cipher_spec = 20,
    alert = 21,
    handshake = 22,
    application_data = 23,
};

inline constexpr std::size_t kRecordBytes = 16 * 1024;            // plain, RFC 8446 5.1
inline constexpr std::size_t kRecordHeaderBytes = 5;              // type, version, length
inline constexpr std::size_t kTagBytes = 16;                      // of each AEAD in use
inline constexpr std::size_t kMostSealedBytes = 16 * 1024 + 256;  // without header, RFC 8446 5.2
/// What sealing adds: header, type of the content, tag.
inline constexpr std::size_t kSealOverhead = kRecordHeaderBytes + 1 + kTagBytes;

/// A cipher suite (RFC 8446 B.4): of AEAD and hash what is needed here. Lives as long as the
/// process.
struct RecordSuite {
    const EVP_CIPHER* cipher = nullptr;
    std::size_t key_bytes = 0;
    std::size_t hash_bytes = 0;
    HkdfHash hash = HkdfHash::sha256;

    /// Null: none that is known here, or OpenSSL has no such cipher.
    [[nodiscard]] static const RecordSuite* find(std::uint16_t id);
};

class RecordProtection {
  public:
    enum class Direction : std::uint8_t { seals, opens };

    /// `secret` has hash_bytes of the suite; `next` is the number of the record that comes first.
    RecordProtection(const RecordSuite& suite, Direction direction, Octets secret,
                     std::uint64_t next);
    ~RecordProtection();  // cleanses
    RecordProtection(const RecordProtection&) = delete;
    RecordProtection& operator=(const RecordProtection&) = delete;

    /// False: OpenSSL couldn't derive (no memory); then every call below fails.
    [[nodiscard]] bool usable() const { return usable_; }

    /// One record of at most kRecordBytes into `out`, which has room for them and kSealOverhead.
    /// Returns: its bytes; 0 if OpenSSL failed, and then nothing may be sealed any more.
    [[nodiscard]] std::size_t seal(ContentType type, std::string_view content, char* out);
    /// Opens a record with its header, whose length is right, into `into` (room for all but header
    /// and tag; may be where the sealed bytes lie). Returns: bytes of content, type and padding;
    /// nothing if it isn't authentic, and then `into` holds nothing of any worth.
    [[nodiscard]] std::optional<std::size_t> open(std::string_view record, char* into);
    /// The next generation of secret and key (KeyUpdate, RFC 8446 4.6.3 and 7.2).
    void update();
    /// How many records the present key has protected.
    [[nodiscard]] std::uint64_t protected_records() const { return next_; }

    /// Gives back what the cipher needs, a kilobyte, until the next call.
    void free_cipher() { cipher_.reset(); }

  private:
    struct CipherFree {
        void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
    };
    [[nodiscard]] bool derive(std::string_view label, std::span<unsigned char> out) const;
    void make_key();
    /// The cipher with its key, and the nonce of the next record; null if OpenSSL failed.
    [[nodiscard]] EVP_CIPHER_CTX* next_record();

    const RecordSuite& suite_;
    std::unique_ptr<EVP_CIPHER_CTX, CipherFree> cipher_;
    std::uint64_t next_;
    std::array<unsigned char, kMostHashBytes> secret_{};
    std::array<unsigned char, 32> key_{};
    std::array<unsigned char, 12> iv_{};
    Direction direction_;
    bool usable_ = false;
};

}  // namespace eg::net
