/// Makes keys, certificates, PKCS#12 and revocation lists for tests, with OpenSSL's API and no
/// program.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "certs/identity.h"

enum class Kind { rsa, ecdsa };

struct Made;

struct Recipe {
    std::string name;
    bool authority = false;
    Kind kind = Kind::ecdsa;
    int days = 365;  // from now; negative: it is over
    long serial = 1;
    std::string mail_in_subject{};
    std::vector<std::string> mail{};  // rfc822Name
    std::string utf8_mail{};          // SmtpUTF8Mailbox
    bool broken_alternative_name = false;
    const Made* reuse = nullptr;  // take the key of that one
};

struct Made {
    eg::certs::X509Ptr certificate;
    eg::certs::PkeyPtr key;

    [[nodiscard]] std::string pem() const;
    /// Encrypted if a passphrase is given.
    [[nodiscard]] std::string key_pem(const std::string& passphrase = {}) const;
    [[nodiscard]] std::string pkcs12(const std::string& password, const Made* issuer) const;
    /// Signed by this one; out of date in `days`.
    [[nodiscard]] std::string crl_pem(const std::vector<long>& serials, int days) const;
};

/// Signed by itself without an issuer.
[[nodiscard]] Made make(const Recipe& recipe, const Made* issuer = nullptr);

/// X509_V_OK, or OpenSSL's reason.
[[nodiscard]] int verify(X509_STORE* store, const Made& leaf);

/// A folder that goes away with the test.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string path(std::string_view name) const { return (path_ / name).string(); }
    /// Returns the path.
    std::string write(std::string_view name, std::string_view text, unsigned mode = 0644) const;

  private:
    std::filesystem::path path_;
};
