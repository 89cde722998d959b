#include "proxy/net/hkdf.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "proxy/net/traffic_secrets.h"

using namespace eg::net;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes counted(std::size_t bytes, unsigned char first) {
    Bytes made(bytes);
    for (auto& byte : made) {
        byte = first++;
    }
    return made;
}

/// One derivation of libssl, with what it names; an empty one isn't there.
struct Asked {
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    std::string digest = "SHA256";
    Bytes key;
    Bytes salt;
    std::string label;
    Bytes data;
    std::size_t length = 32;
    std::string prefix = "tls13 ";
};

/// By the KDF of a provider; empty: it refused.
Bytes derive(const char* properties, Asked asked) {
    std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
        EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, properties), EVP_KDF_free);
    REQUIRE(kdf != nullptr);
    std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()),
                                                                      EVP_KDF_CTX_free);
    std::vector<OSSL_PARAM> parameters{
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &asked.mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, asked.digest.data(), 0)};
    const auto add = [&](const char* name, auto& value) {
        if (!value.empty()) {
            parameters.push_back(
                OSSL_PARAM_construct_octet_string(name, value.data(), value.size()));
        }
    };
    add(OSSL_KDF_PARAM_KEY, asked.key);
    add(OSSL_KDF_PARAM_SALT, asked.salt);
    add(OSSL_KDF_PARAM_PREFIX, asked.prefix);
    add(OSSL_KDF_PARAM_LABEL, asked.label);
    add(OSSL_KDF_PARAM_DATA, asked.data);
    parameters.push_back(OSSL_PARAM_construct_end());
    Bytes out(asked.length);
    const bool done = EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1;
    return done ? out : Bytes{};
}

void check_same(const Asked& asked) {
    CAPTURE(asked.mode);
    CAPTURE(asked.digest);
    CAPTURE(asked.label);
    CAPTURE(asked.length);
    CAPTURE(asked.key.size());
    CAPTURE(asked.salt.size());
    CAPTURE(asked.data.size());
    CHECK((derive("provider=easgate", asked) == derive("provider=default", asked)));
}

}  // namespace

// RFC 8448, section 3.
TEST_CASE("the key schedule begins as in the RFC") {
    const std::array<unsigned char, 32> zeros{};
    std::array<unsigned char, 32> early{};
    REQUIRE(hkdf_extract(HkdfHash::sha256, {}, zeros, early));
    CHECK(early == std::array<unsigned char, 32>{0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b,
                                                 0x09, 0xe6, 0xcd, 0x98, 0x93, 0x68, 0x0c, 0xe2,
                                                 0x10, 0xad, 0xf3, 0x00, 0xaa, 0x1f, 0x26, 0x60,
                                                 0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a});
    std::array<unsigned char, 32> hash{};
    REQUIRE(EVP_Digest("", 0, hash.data(), nullptr, EVP_sha256(), nullptr) == 1);
    std::array<unsigned char, 32> derived{};
    REQUIRE(hkdf_expand_label(HkdfHash::sha256, early, "derived", hash, derived));
    CHECK(derived == std::array<unsigned char, 32>{0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5,
                                                   0x67, 0x8f, 0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97,
                                                   0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c,
                                                   0xeb, 0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba});
}

TEST_CASE("the hash by its names") {
    for (const char* name : {"SHA256", "SHA2-256", "SHA-256", "sha256"}) {
        CHECK(hkdf_hash(name) == HkdfHash::sha256);
    }
    for (const char* name : {"SHA384", "SHA2-384", "SHA-384", "sha2-384"}) {
        CHECK(hkdf_hash(name) == HkdfHash::sha384);
    }
    for (const char* name : {"", "SHA", "SHA512", "SHA256 ", "MD5"}) {
        CHECK_FALSE(hkdf_hash(name));
    }
}

TEST_CASE("our KDF derives what OpenSSL's does, usual or not") {
    REQUIRE(tapped_properties() != nullptr);
    for (const char* digest : {"SHA256", "SHA2-384", "SHA512", "SHA1"}) {
        const bool small = std::string(digest) == "SHA256";
        const std::size_t bytes = small ? 32 : 48;
        const Bytes secret = counted(bytes, 1);
        for (const std::size_t length : {std::size_t{1}, std::size_t{12}, std::size_t{16}, bytes,
                                         bytes + 1, std::size_t{100}}) {
            for (const std::size_t data : {std::size_t{0}, bytes, std::size_t{49}}) {
                check_same({.digest = digest,
                            .key = secret,
                            .salt = {},
                            .label = "c hs traffic",
                            .data = counted(data, 7),
                            .length = length});
            }
        }
        const int extracts = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
        for (const std::size_t key : {std::size_t{0}, std::size_t{32}, std::size_t{66}}) {
            for (const std::size_t salt : {std::size_t{0}, bytes}) {
                for (const std::size_t length : {std::size_t{16}, bytes, std::size_t{64}}) {
                    check_same({.mode = extracts,
                                .digest = digest,
                                .key = counted(key, 3),
                                .salt = counted(salt, 9),
                                .label = "derived",
                                .data = {},
                                .length = length});
                }
            }
        }
        check_same({.mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND,
                    .digest = digest,
                    .key = secret,
                    .salt = {},
                    .label = "derived",
                    .data = {},
                    .length = bytes});
        check_same({.digest = digest,
                    .key = secret,
                    .salt = {},
                    .label = std::string(33, 'l'),
                    .data = {},
                    .length = bytes});
        check_same({.digest = digest,
                    .key = secret,
                    .salt = {},
                    .label = "key",
                    .data = {},
                    .length = 16,
                    .prefix = "other "});
        check_same({.digest = digest, .key = {}, .salt = {}, .label = "key", .data = {}});
    }
    check_same(
        {.digest = "no such", .key = counted(32, 1), .salt = {}, .label = "key", .data = {}});
}
