#include "proxy/commands/certificate_names.h"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/pem.h>

#include "certs/identity.h"
#include "certs/pem.h"

namespace eg::commands {

namespace {

std::expected<certs::X509Ptr, std::string> read_first(const std::string& file) {
    const auto text = certs::read_whole(file, certs::Privacy::open);
    if (!text) {
        return std::unexpected(text.error());
    }
    const certs::BioPtr reader = certs::memory(text->reveal());
    certs::X509Ptr certificate(PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) {
        return std::unexpected(
            fmt::format("{} holds no certificate in PEM: {}", file, certs::openssl_reason()));
    }
    return certificate;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> certificate_names(const std::string& file) {
    const auto certificate = read_first(file);
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    bool odd = false;
    std::vector<std::string> names = certs::mail_addresses(certificate->get(), odd);
    if (odd) {
        return std::unexpected(fmt::format(
            "{} names a mail address with control characters; the gate refuses it", file));
    }
    return names;
}

std::expected<device::KeyHash, std::string> certificate_key(const std::string& file) {
    const auto certificate = read_first(file);
    if (!certificate) {
        return std::unexpected(certificate.error());
    }
    device::KeyHash key{};
    std::ranges::copy(certs::public_key_hash(certificate->get()), key.begin());
    return key;
}

}  // namespace eg::commands
