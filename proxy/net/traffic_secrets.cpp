#include "proxy/net/traffic_secrets.h"

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "proxy/base/check.h"
#include "proxy/net/hkdf.h"

namespace eg::net {

namespace {

constexpr const char* kName = "easgate";
constexpr const char* kDefinition = "provider=easgate,eg.tap";
// Of everything else we have nothing: with the question mark that comes from the default provider.
// Short, for OpenSSL hashes it with each fetch; names of our own need the dot (property(7)).
constexpr const char* kQuery = "?eg.tap";

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): OpenSSL asks from anywhere
thread_local TrafficSecrets* listening = nullptr;

/// OpenSSL's own KDF; null where there is none. Fetched before our provider is there, so that a
/// fetch without properties goes on finding that one first.
EVP_KDF* own_kdf() {
    static EVP_KDF* const kKdf =
        EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, "provider=default");
    return kKdf;
}

/// Of one derivation.
struct Context {
    EVP_KDF* kdf = nullptr;
    EVP_KDF_CTX* inner = nullptr;  // OpenSSL's, if it was needed
};

/// OpenSSL's part of it; null if there is no memory.
EVP_KDF_CTX* inner_of(Context& context) {
    if (context.inner == nullptr) {
        context.inner = EVP_KDF_CTX_new(context.kdf);
    }
    return context.inner;
}

/// What a handshake asks for: of `key`, `salt` and `data` those that it names.
struct Derivation {
    std::optional<HkdfHash> hash;
    int mode = -1;
    Octets key;
    Octets salt;
    Octets data;
    std::string_view prefix;
    std::string_view label;
    bool usual = true;
};

Octets octets(const OSSL_PARAM& parameter) {
    return {static_cast<const unsigned char*>(parameter.data), parameter.data_size};
}

std::string_view text(const OSSL_PARAM& parameter) {
    return {static_cast<const char*>(parameter.data), parameter.data_size};
}

// In the types that libssl uses, and each once; all else is unusual, and so is a key or a salt that
// is there without bytes.
Derivation read(const OSSL_PARAM* parameters) {
    Derivation asked;
    for (; parameters != nullptr && parameters->key != nullptr; ++parameters) {
        const std::string_view key = parameters->key;
        const bool is_octets = parameters->data_type == OSSL_PARAM_OCTET_STRING;
        const bool has_octets = is_octets && parameters->data_size != 0;
        if (key == OSSL_KDF_PARAM_MODE) {
            asked.usual &= asked.mode == -1 && parameters->data_type == OSSL_PARAM_INTEGER &&
                           OSSL_PARAM_get_int(parameters, &asked.mode) == 1;
        } else if (key == OSSL_KDF_PARAM_DIGEST) {
            const char* name = nullptr;
            asked.usual &= !asked.hash && OSSL_PARAM_get_utf8_string_ptr(parameters, &name) == 1;
            asked.hash = name == nullptr ? std::nullopt : hkdf_hash(name);
        } else if (key == OSSL_KDF_PARAM_KEY) {
            asked.usual &= asked.key.empty() && has_octets;
            asked.key = octets(*parameters);
        } else if (key == OSSL_KDF_PARAM_SALT) {
            asked.usual &= asked.salt.empty() && has_octets;
            asked.salt = octets(*parameters);
        } else if (key == OSSL_KDF_PARAM_DATA) {
            asked.usual &= asked.data.empty() && is_octets;
            asked.data = octets(*parameters);
        } else if (key == OSSL_KDF_PARAM_PREFIX) {
            asked.usual &= asked.prefix.empty() && is_octets;
            asked.prefix = text(*parameters);
        } else if (key == OSSL_KDF_PARAM_LABEL) {
            asked.usual &= asked.label.empty() && is_octets;
            asked.label = text(*parameters);
        } else {
            asked.usual = false;
        }
    }
    return asked;
}

/// The hash of no messages (FIPS 180-4).
constexpr std::array<unsigned char, 32> kEmptySha256{
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
constexpr std::array<unsigned char, 48> kEmptySha384{
    0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a,
    0x21, 0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda,
    0x27, 0x4e, 0xde, 0xbf, 0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b};

Octets empty_hash(HkdfHash hash) {
    return hash == HkdfHash::sha256 ? Octets(kEmptySha256) : Octets(kEmptySha384);
}

// A secret of the key schedule from the one before, or from none, and what is new, or nothing
// (RFC 8446 7.1): Extract behind Derive-Secret(., "derived", "").
bool extract(const Derivation& asked, std::span<unsigned char> out) {
    constexpr std::array<unsigned char, kMostHashBytes> kZeros{};
    const HkdfHash hash = *asked.hash;
    const std::size_t bytes = bytes_of(hash);
    const Octets zeros = Octets(kZeros).first(bytes);
    std::array<unsigned char, kMostHashBytes> salt{};
    const auto derived = std::span(salt).first(bytes);
    const bool done = (asked.salt.empty() || hkdf_expand_label(hash, asked.salt, asked.label,
                                                               empty_hash(hash), derived)) &&
                      hkdf_extract(hash, derived, asked.key.empty() ? zeros : asked.key, out);
    OPENSSL_cleanse(salt.data(), salt.size());
    return done;
}

enum class Done : unsigned char { no, yes, unusual };

Done derive(const Derivation& asked, std::span<unsigned char> out) {
    if (!asked.usual || !asked.hash || asked.prefix != "tls13 " || asked.label.size() > 32 ||
        asked.data.size() > kMostHashBytes || out.empty() || out.size() > bytes_of(*asked.hash)) {
        return Done::unusual;
    }
    if (asked.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && !asked.key.empty() && asked.salt.empty()) {
        const bool done = hkdf_expand_label(*asked.hash, asked.key, asked.label, asked.data, out);
        return done ? Done::yes : Done::no;
    }
    if (asked.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && asked.data.empty() &&
        out.size() == bytes_of(*asked.hash)) {
        return extract(asked, out) ? Done::yes : Done::no;
    }
    return Done::unusual;
}

void tell(TrafficSecrets& secrets, std::string_view label, Octets secret) {
    const bool of_client = label == "c ap traffic";
    if ((!of_client && label != "s ap traffic") || secret.size() > TrafficSecrets::kMostBytes) {
        return;
    }
    std::copy(secret.begin(), secret.end(),
              of_client ? secrets.client.data() : secrets.server.data());
    (of_client ? secrets.client_bytes : secrets.server_bytes) = secret.size();
}

// What follows has OpenSSL's signatures: core_dispatch.h.

void* kdf_new(void* provider) {
    return new (std::nothrow) Context{.kdf = static_cast<EVP_KDF*>(provider)};
}

void* kdf_duplicate(void* opaque) {
    const auto& context = *static_cast<const Context*>(opaque);
    Context copy{.kdf = context.kdf};
    if (context.inner != nullptr) {
        copy.inner = EVP_KDF_CTX_dup(context.inner);
        if (copy.inner == nullptr) {
            return nullptr;
        }
    }
    auto* made = new (std::nothrow) Context(copy);
    if (made == nullptr) {
        EVP_KDF_CTX_free(copy.inner);
    }
    return made;
}

void kdf_free(void* opaque) {
    auto* context = static_cast<Context*>(opaque);
    if (context != nullptr) {  // null after a duplication that failed
        EVP_KDF_CTX_free(context->inner);
        delete context;
    }
}

void kdf_reset(void* opaque) {
    auto& context = *static_cast<Context*>(opaque);
    EVP_KDF_CTX_free(context.inner);
    context.inner = nullptr;
}

int kdf_derive(void* opaque, unsigned char* out, std::size_t length, const OSSL_PARAM* parameters) {
    auto& context = *static_cast<Context*>(opaque);
    // With all that it takes in one call, or OpenSSL has to put it together.
    if (context.inner == nullptr) {
        const Derivation asked = read(parameters);
        const Done done = derive(asked, {out, length});
        if (done == Done::yes && listening != nullptr &&
            asked.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY) {
            tell(*listening, asked.label, {out, length});
        }
        if (done != Done::unusual) {
            return done == Done::yes ? 1 : 0;
        }
    }
    EVP_KDF_CTX* inner = inner_of(context);
    return inner == nullptr ? 0 : EVP_KDF_derive(inner, out, length, parameters);
}

const OSSL_PARAM* kdf_gettable(void*, void* provider) {
    return EVP_KDF_gettable_ctx_params(static_cast<EVP_KDF*>(provider));
}

const OSSL_PARAM* kdf_settable(void*, void* provider) {
    return EVP_KDF_settable_ctx_params(static_cast<EVP_KDF*>(provider));
}

int kdf_get(void* opaque, OSSL_PARAM* parameters) {
    EVP_KDF_CTX* inner = inner_of(*static_cast<Context*>(opaque));
    return inner == nullptr ? 0 : EVP_KDF_CTX_get_params(inner, parameters);
}

int kdf_set(void* opaque, const OSSL_PARAM* parameters) {
    EVP_KDF_CTX* inner = inner_of(*static_cast<Context*>(opaque));
    return inner == nullptr ? 0 : EVP_KDF_CTX_set_params(inner, parameters);
}

template <typename Function>
OSSL_DISPATCH entry(int id, Function* function) {
    return {.function_id = id, .function = reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    static const std::array kFunctions{entry(OSSL_FUNC_KDF_NEWCTX, kdf_new),
                                       entry(OSSL_FUNC_KDF_DUPCTX, kdf_duplicate),
                                       entry(OSSL_FUNC_KDF_FREECTX, kdf_free),
                                       entry(OSSL_FUNC_KDF_RESET, kdf_reset),
                                       entry(OSSL_FUNC_KDF_DERIVE, kdf_derive),
                                       entry(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS, kdf_gettable),
                                       entry(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, kdf_settable),
                                       entry(OSSL_FUNC_KDF_GET_CTX_PARAMS, kdf_get),
                                       entry(OSSL_FUNC_KDF_SET_CTX_PARAMS, kdf_set),
                                       OSSL_DISPATCH{}};
    static const std::array kAlgorithms{OSSL_ALGORITHM{.algorithm_names = OSSL_KDF_NAME_TLS1_3_KDF,
                                                       .property_definition = kDefinition,
                                                       .implementation = kFunctions.data(),
                                                       .algorithm_description = nullptr},
                                        OSSL_ALGORITHM{}};
    *no_cache = 0;
    return operation == OSSL_OP_KDF ? kAlgorithms.data() : nullptr;
}

int start(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
          void** provider) {
    static const std::array kFunctions{entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                       OSSL_DISPATCH{}};
    *out = kFunctions.data();
    *provider = own_kdf();
    return 1;
}

/// Both for as long as the process lives.
struct Providers {
    OSSL_PROVIDER* own = nullptr;
    OSSL_PROVIDER* ours = nullptr;
};

Providers load() {
    Providers loaded;
    if (OPENSSL_version_major() != 3) {
        return loaded;  // another libssl: whether all of this still holds has to be looked at first
    }
    // Not available where the administrator has set up others instead: so it shall stay. The
    // configuration is to be read first, or OpenSSL takes its default.
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    if (OSSL_PROVIDER_available(nullptr, "default") != 1 || own_kdf() == nullptr) {
        return loaded;
    }
    // By name, for it is there by itself only as long as no other is loaded.
    loaded.own = OSSL_PROVIDER_load(nullptr, "default");
    if (loaded.own != nullptr && OSSL_PROVIDER_add_builtin(nullptr, kName, start) == 1) {
        loaded.ours = OSSL_PROVIDER_load(nullptr, kName);
    }
    return loaded;
}

bool can_tap() {
    static const Providers kLoaded = [] {
        ERR_set_mark();
        const Providers loaded = load();
        ERR_pop_to_mark();
        return loaded;
    }();
    return kLoaded.ours != nullptr;
}

}  // namespace

TrafficSecrets::~TrafficSecrets() {
    OPENSSL_cleanse(client.data(), client.size());
    OPENSSL_cleanse(server.data(), server.size());
}

SecretTap::SecretTap(TrafficSecrets& into) {
    EG_CHECK(listening == nullptr);
    listening = &into;
}

SecretTap::~SecretTap() {
    listening = nullptr;
}

const char* tapped_properties() {
    return can_tap() ? kQuery : nullptr;
}

}  // namespace eg::net
