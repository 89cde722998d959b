/// Certificates with their private keys, from PEM files or PKCS#12, and the authorities that vouch
/// for others. Values; each belongs to whoever loaded it, and may be given to OpenSSL by any
/// thread.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "proxy/base/secret.h"

namespace eg::certs {

struct X509Free {
    void operator()(X509* p) const { X509_free(p); }
};
struct PkeyFree {
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct StoreFree {
    void operator()(X509_STORE* p) const { X509_STORE_free(p); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, PkeyFree>;
using StorePtr = std::unique_ptr<X509_STORE, StoreFree>;

/// A leaf certificate, its key, and the certificates between it and the root (may be none).
struct Identity {
    X509Ptr leaf;
    std::vector<X509Ptr> chain;
    PkeyPtr key;
};

/// Errors are sentences for administrators that name the file and what to do; they never hold a
/// secret.
template <typename T>
using Loaded = std::expected<T, std::string>;

/// The first certificate of `certificate_file` is the leaf. Fails if the key doesn't belong to it,
/// if the key file can be read by others than owner and group, or if anything in a file can't be
/// parsed.
[[nodiscard]] Loaded<Identity> load_pem(const std::string& certificate_file,
                                        const std::string& private_key_file);
/// `password_file` may be "" (then `password` counts, which may be empty too); one line end at the
/// end of the file is dropped. Neither file may be readable by others than owner and group.
[[nodiscard]] Loaded<Identity> load_pkcs12(const std::string& file,
                                           const std::string& password_file,
                                           const Secret& password = {});

/// All certificates of a PEM file, in its order; at least one, and every one must parse.
[[nodiscard]] Loaded<std::vector<X509Ptr>> load_certificates(const std::string& file);

/// A store that trusts the certificates of a PEM bundle; every one must parse, at least one must be
/// there. `crl_file` "" = no revocation lists; else PEM CRLs, checked for the leaf and the whole
/// chain.
[[nodiscard]] Loaded<StorePtr> load_authorities(const std::string& ca_file,
                                                const std::string& crl_file);

/// Whole days until the first of the revocation lists of a PEM file is out of date; negative once
/// it is. A list that names no next update never is.
[[nodiscard]] Loaded<int> revocation_days_left(const std::string& crl_file);

/// Mail addresses that a certificate names: rfc822Name and SmtpUTF8Mailbox of its subjectAltName
/// (RFC 5280 4.2.1.6, RFC 9598), emailAddress of the subject. Values with a control byte or NUL are
/// left out and make `odd` true, as does a subjectAltName that can't be read.
[[nodiscard]] std::vector<std::string> mail_addresses(X509* certificate, bool& odd);

/// SHA-256 of the certificate in DER, 32 bytes.
[[nodiscard]] std::string certificate_hash(X509* certificate);
/// SHA-256 of the SubjectPublicKeyInfo in DER, 32 bytes.
[[nodiscard]] std::string public_key_hash(X509* certificate);
/// Whole days until the certificate ends; negative once it has.
[[nodiscard]] int days_left(X509* certificate);
/// Its subject on one line (RFC 2253), printable ASCII only.
[[nodiscard]] std::string subject(X509* certificate);

}  // namespace eg::certs
