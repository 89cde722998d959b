#include "certs/identity.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "certs/pem.h"

namespace eg::certs {

namespace {

struct CrlFree {
    void operator()(X509_CRL* p) const { X509_CRL_free(p); }
};
using CrlPtr = std::unique_ptr<X509_CRL, CrlFree>;
struct Pkcs12Free {
    void operator()(PKCS12* p) const { PKCS12_free(p); }
};
struct NamesFree {
    void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};

std::unexpected<std::string> failed(const std::string& file, std::string_view what) {
    return std::unexpected(fmt::format("{}: {}", file, what));
}

/// Never asks at the terminal: a key that needs a passphrase is refused.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

bool is_certificate(std::string_view label) {
    return label == PEM_STRING_X509 || label == PEM_STRING_X509_OLD;
}

/// What may stand beside certificates without being one: keys and parameters of combined files.
bool is_companion(std::string_view label) {
    return label.ends_with("PRIVATE KEY") || label.ends_with("PARAMETERS");
}

template <typename Parse>
auto parse_der(const std::string& bytes, Parse parse) {
    // d2i functions move this pointer; what they leave behind would be trailing bytes.
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* const end = at + bytes.size();
    auto* parsed = parse(nullptr, &at, static_cast<long>(bytes.size()));
    return std::pair(parsed, at == end);
}

Loaded<PkeyPtr> load_key(const std::string& file) {
    const auto text = read_whole(file, Privacy::secret);
    if (!text) {
        return std::unexpected(text.error());
    }
    if (text->reveal().find("ENCRYPTED") != std::string_view::npos) {
        return failed(file,
                      "is encrypted; a service needs the key without a passphrase "
                      "('openssl pkey -in OLD -out NEW' removes it), or PKCS#12");
    }
    ERR_clear_error();
    const BioPtr bio = memory(text->reveal());
    PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (key == nullptr) {
        return failed(file, fmt::format("holds no private key in PEM ({})", openssl_reason()));
    }
    return key;
}

Loaded<Identity> matched(Identity identity, const std::string& certificate,
                         const std::string& key) {
    ERR_clear_error();
    if (X509_check_private_key(identity.leaf.get(), identity.key.get()) != 1) {
        ERR_clear_error();
        return failed(
            key, certificate == key
                     ? std::string("its private key doesn't belong to its certificate")
                     : fmt::format("doesn't belong to the first certificate of {}", certificate));
    }
    return identity;
}

Loaded<Secret> password_of(const std::string& file, const Secret& password) {
    if (file.empty()) {
        return password;
    }
    auto text = read_whole(file, Privacy::secret);
    if (!text) {
        return std::unexpected(text.error());
    }
    std::string_view value = text->reveal();
    if (value.ends_with('\n')) {
        value.remove_suffix(1);
    }
    if (value.ends_with('\r')) {
        value.remove_suffix(1);
    }
    if (value.find('\0') != std::string_view::npos) {
        return failed(file, "holds a NUL byte; expected the password and nothing else");
    }
    return Secret(std::string(value));
}

Loaded<std::vector<CrlPtr>> load_crls(const std::string& file) {
    const auto text = read_whole(file, Privacy::open);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto blocks = pem_blocks(text->reveal(), file);
    if (!blocks) {
        return std::unexpected(blocks.error());
    }
    std::vector<CrlPtr> lists;
    for (const PemBlock& block : *blocks) {
        if (block.label != PEM_STRING_X509_CRL) {
            return failed(file,
                          fmt::format("holds a '{}'; expected revocation lists only", block.label));
        }
        auto [parsed, whole] = parse_der(block.bytes, d2i_X509_CRL);
        CrlPtr list(parsed);
        if (list == nullptr || !whole) {
            return failed(file, fmt::format("revocation list {} can't be parsed ({})",
                                            lists.size() + 1, openssl_reason()));
        }
        lists.push_back(std::move(list));
    }
    if (lists.empty()) {
        return failed(file, "holds no revocation list in PEM (BEGIN X509 CRL)");
    }
    return lists;
}

/// Whole days until `time`, rounded down, so that what is over is negative.
int days_until(const ASN1_TIME* time) {
    int days = 0;
    int seconds = 0;
    if (time == nullptr || ASN1_TIME_diff(&days, &seconds, nullptr, time) != 1) {
        return -1;
    }
    return seconds < 0 ? days - 1 : days;
}

void add_address(const ASN1_STRING* value, std::vector<std::string>& out, bool& odd) {
    unsigned char* utf8 = nullptr;
    const int length = value == nullptr ? -1 : ASN1_STRING_to_UTF8(&utf8, value);
    if (length < 0) {
        ERR_clear_error();
        odd = true;
        return;
    }
    const std::string address(utf8, utf8 + length);
    OPENSSL_free(utf8);
    for (const char c : address) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            odd = true;
            return;
        }
    }
    if (!address.empty()) {
        out.push_back(address);
    }
}

void add_alternative_names(X509* certificate, std::vector<std::string>& out, bool& odd) {
    int critical = -1;
    const std::unique_ptr<GENERAL_NAMES, NamesFree> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
    if (names == nullptr) {
        odd = odd || critical != -1;  // -1: there is none; else doubled or broken
        ERR_clear_error();
        return;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_EMAIL) {
            add_address(name->d.rfc822Name, out, odd);
        } else if (name->type == GEN_OTHERNAME &&
                   OBJ_obj2nid(name->d.otherName->type_id) == NID_id_on_SmtpUTF8Mailbox) {
            const ASN1_TYPE* value = name->d.otherName->value;
            const bool text = value != nullptr && value->type == V_ASN1_UTF8STRING;
            add_address(text ? value->value.utf8string : nullptr, out, odd);
        }
    }
}

std::string sha256(const unsigned char* bytes, int length) {
    std::string hash(static_cast<std::size_t>(EVP_MD_get_size(EVP_sha256())), '\0');
    EVP_Digest(bytes, static_cast<std::size_t>(length),
               reinterpret_cast<unsigned char*>(hash.data()), nullptr, EVP_sha256(), nullptr);
    return hash;
}

}  // namespace

Loaded<std::vector<X509Ptr>> load_certificates(const std::string& file) {
    const auto text = read_whole(file, Privacy::open);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto blocks = pem_blocks(text->reveal(), file);
    if (!blocks) {
        return std::unexpected(blocks.error());
    }
    std::vector<X509Ptr> certificates;
    for (const PemBlock& block : *blocks) {
        if (is_companion(block.label)) {
            continue;
        }
        if (!is_certificate(block.label)) {
            return failed(file, fmt::format("holds a '{}'; expected certificates", block.label));
        }
        ERR_clear_error();
        auto [parsed, whole] = parse_der(block.bytes, d2i_X509);
        X509Ptr certificate(parsed);
        if (certificate == nullptr || !whole) {
            return failed(file, fmt::format("certificate {} can't be parsed ({})",
                                            certificates.size() + 1, openssl_reason()));
        }
        certificates.push_back(std::move(certificate));
    }
    if (certificates.empty()) {
        return failed(file, "holds no certificate in PEM (BEGIN CERTIFICATE)");
    }
    return certificates;
}

Loaded<Identity> load_pem(const std::string& certificate_file,
                          const std::string& private_key_file) {
    auto certificates = load_certificates(certificate_file);
    if (!certificates) {
        return std::unexpected(certificates.error());
    }
    auto key = load_key(private_key_file);
    if (!key) {
        return std::unexpected(key.error());
    }
    Identity identity;
    identity.leaf = std::move(certificates->front());
    certificates->erase(certificates->begin());
    identity.chain = std::move(*certificates);
    identity.key = std::move(*key);
    return matched(std::move(identity), certificate_file, private_key_file);
}

Loaded<Identity> load_pkcs12(const std::string& file, const std::string& password_file,
                             const Secret& password) {
    const auto text = read_whole(file, Privacy::secret);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto secret = password_of(password_file, password);
    if (!secret) {
        return std::unexpected(secret.error());
    }
    ERR_clear_error();
    const BioPtr bio = memory(text->reveal());
    const std::unique_ptr<PKCS12, Pkcs12Free> box(d2i_PKCS12_bio(bio.get(), nullptr));
    if (box == nullptr) {
        return failed(file, fmt::format("is no PKCS#12 file ({})", openssl_reason()));
    }
    EVP_PKEY* key = nullptr;
    X509* leaf = nullptr;
    STACK_OF(X509)* others = nullptr;
    // A Secret keeps a std::string, so that its text ends in NUL.
    const int parsed = PKCS12_parse(box.get(), secret->reveal().data(), &key, &leaf, &others);
    Identity identity{.leaf = X509Ptr(leaf), .chain = {}, .key = PkeyPtr(key)};
    for (int i = 0; others != nullptr && i < sk_X509_num(others); ++i) {
        identity.chain.emplace_back(sk_X509_value(others, i));
    }
    sk_X509_free(others);
    if (parsed != 1) {
        return failed(file, fmt::format("can't be opened ({}); is the password right? Files of old "
                                        "programs need to be exported anew with AES",
                                        openssl_reason()));
    }
    ERR_clear_error();
    if (identity.leaf == nullptr || identity.key == nullptr) {
        return failed(file, "expected a certificate and its private key in it");
    }
    return matched(std::move(identity), file, file);
}

Loaded<StorePtr> load_authorities(const std::string& ca_file, const std::string& crl_file) {
    const auto certificates = load_certificates(ca_file);
    if (!certificates) {
        return std::unexpected(certificates.error());
    }
    StorePtr store(X509_STORE_new());
    for (const X509Ptr& certificate : *certificates) {
        if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
            return failed(ca_file, fmt::format("'{}' can't be used ({})",
                                               subject(certificate.get()), openssl_reason()));
        }
    }
    if (crl_file.empty()) {
        return store;
    }
    const auto lists = load_crls(crl_file);
    if (!lists) {
        return std::unexpected(lists.error());
    }
    for (const CrlPtr& list : *lists) {
        if (X509_STORE_add_crl(store.get(), list.get()) != 1) {
            return failed(crl_file, fmt::format("a list can't be used ({})", openssl_reason()));
        }
    }
    X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return store;
}

Loaded<int> revocation_days_left(const std::string& crl_file) {
    const auto lists = load_crls(crl_file);
    if (!lists) {
        return std::unexpected(lists.error());
    }
    int least = 1'000'000;
    for (const CrlPtr& list : *lists) {
        if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get()); next != nullptr) {
            least = std::min(least, days_until(next));
        }
    }
    return least;
}

std::vector<std::string> mail_addresses(X509* certificate, bool& odd) {
    odd = false;
    std::vector<std::string> out;
    add_alternative_names(certificate, out, odd);
    const X509_NAME* name = X509_get_subject_name(certificate);
    for (int at = X509_NAME_get_index_by_NID(name, NID_pkcs9_emailAddress, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(name, NID_pkcs9_emailAddress, at)) {
        add_address(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), out, odd);
    }
    return out;
}

std::string certificate_hash(X509* certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509(certificate, &der);
    std::string hash = sha256(der, std::max(length, 0));
    OPENSSL_free(der);
    return hash;
}

std::string public_key_hash(X509* certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    std::string hash = sha256(der, std::max(length, 0));
    OPENSSL_free(der);
    return hash;
}

int days_left(X509* certificate) {
    return days_until(X509_get0_notAfter(certificate));
}

std::string subject(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    std::string out(text, static_cast<std::size_t>(std::max(length, 0L)));
    for (char& c : out) {
        c = c >= 0x20 && c < 0x7F ? c : '?';
    }
    return out;
}

}  // namespace eg::certs
