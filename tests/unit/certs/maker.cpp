#include "tests/unit/certs/maker.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certs/pem.h"
#include "proxy/base/check.h"

namespace {

using namespace eg::certs;

constexpr long kDay = 24L * 60 * 60;
constexpr long kHour = 60L * 60;  // added to ends, so that whole days don't depend on the second

std::string drain(const BioPtr& bio) {
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

BioPtr buffer() {
    return BioPtr(BIO_new(BIO_s_mem()));
}

void add_extension(X509* certificate, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    EG_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

ASN1_STRING* text_of(int type, const std::string& value) {
    ASN1_STRING* text = ASN1_STRING_type_new(type);
    ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
    return text;
}

void add_alternative_names(X509* certificate, const Recipe& recipe) {
    GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
    for (const std::string& mail : recipe.mail) {
        GENERAL_NAME* name = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(name, GEN_EMAIL, text_of(V_ASN1_IA5STRING, mail));
        sk_GENERAL_NAME_push(names, name);
    }
    if (!recipe.utf8_mail.empty()) {
        GENERAL_NAME* name = GENERAL_NAME_new();
        ASN1_TYPE* value = ASN1_TYPE_new();
        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text_of(V_ASN1_UTF8STRING, recipe.utf8_mail));
        GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value);
        sk_GENERAL_NAME_push(names, name);
    }
    if (sk_GENERAL_NAME_num(names) > 0) {
        EG_CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1);
    }
    GENERAL_NAMES_free(names);
    if (recipe.broken_alternative_name) {
        ASN1_OCTET_STRING* bytes = ASN1_OCTET_STRING_new();
        ASN1_OCTET_STRING_set(bytes, reinterpret_cast<const unsigned char*>("broken"), 6);
        X509_EXTENSION* extension =
            X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, bytes);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(bytes);
    }
}

void set_subject(X509* certificate, const Recipe& recipe) {
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(recipe.name.c_str()), -1, -1,
                               0);
    if (!recipe.mail_in_subject.empty()) {
        X509_NAME_add_entry_by_NID(
            name, NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
            reinterpret_cast<const unsigned char*>(recipe.mail_in_subject.data()),
            static_cast<int>(recipe.mail_in_subject.size()), -1, 0);
    }
}

PkeyPtr key_for(const Recipe& recipe) {
    if (recipe.reuse != nullptr) {
        EVP_PKEY_up_ref(recipe.reuse->key.get());
        return PkeyPtr(recipe.reuse->key.get());
    }
    return PkeyPtr(recipe.kind == Kind::rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
}

}  // namespace

Made make(const Recipe& recipe, const Made* issuer) {
    Made made{.certificate = X509Ptr(X509_new()), .key = key_for(recipe)};
    X509* certificate = made.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), recipe.serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * kDay);
    X509_gmtime_adj(X509_getm_notAfter(certificate), recipe.days * kDay + kHour);
    X509_set_pubkey(certificate, made.key.get());
    set_subject(certificate, recipe);
    X509_set_issuer_name(
        certificate,
        X509_get_subject_name(issuer == nullptr ? certificate : issuer->certificate.get()));
    if (recipe.authority) {
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    add_alternative_names(certificate, recipe);
    EVP_PKEY* signer = issuer == nullptr ? made.key.get() : issuer->key.get();
    EG_CHECK(X509_sign(certificate, signer, EVP_sha256()) > 0);
    return made;
}

std::string Made::pem() const {
    const BioPtr bio = buffer();
    PEM_write_bio_X509(bio.get(), certificate.get());
    return drain(bio);
}

std::string Made::key_pem(const std::string& passphrase) const {
    const BioPtr bio = buffer();
    if (passphrase.empty()) {
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    } else {
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                      static_cast<int>(passphrase.size()), nullptr, nullptr);
    }
    return drain(bio);
}

std::string Made::pkcs12(const std::string& password, const Made* issuer) const {
    STACK_OF(X509)* others = sk_X509_new_null();
    if (issuer != nullptr) {
        sk_X509_push(others, issuer->certificate.get());
    }
    PKCS12* box = PKCS12_create(password.c_str(), "test", key.get(), certificate.get(), others, 0,
                                0, 0, 0, 0);
    EG_CHECK(box != nullptr);
    const BioPtr bio = buffer();
    i2d_PKCS12_bio(bio.get(), box);
    PKCS12_free(box);
    sk_X509_free(others);
    return drain(bio);
}

std::string Made::crl_pem(const std::vector<long>& serials, int days) const {
    X509_CRL* list = X509_CRL_new();
    X509_CRL_set_version(list, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate.get()));
    ASN1_TIME* time = ASN1_TIME_new();
    X509_gmtime_adj(time, -10 * kDay);
    X509_CRL_set1_lastUpdate(list, time);
    for (const long serial : serials) {
        X509_REVOKED* entry = X509_REVOKED_new();
        ASN1_INTEGER* number = ASN1_INTEGER_new();
        ASN1_INTEGER_set(number, serial);
        X509_REVOKED_set_serialNumber(entry, number);
        X509_REVOKED_set_revocationDate(entry, time);
        X509_CRL_add0_revoked(list, entry);
        ASN1_INTEGER_free(number);
    }
    X509_gmtime_adj(time, days * kDay + kHour);
    X509_CRL_set1_nextUpdate(list, time);
    ASN1_TIME_free(time);
    EG_CHECK(X509_CRL_sign(list, key.get(), EVP_sha256()) > 0);
    const BioPtr bio = buffer();
    PEM_write_bio_X509_CRL(bio.get(), list);
    X509_CRL_free(list);
    return drain(bio);
}

int verify(X509_STORE* store, const Made& leaf) {
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf.certificate.get(), nullptr);
    X509_verify_cert(context);
    const int result = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    return result;
}

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "easgate-certs-XXXXXX").string();
    EG_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(std::string_view name, std::string_view text, unsigned mode) const {
    const std::string file = path(name);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    chmod(file.c_str(), mode);
    return file;
}
