/// What protects the records of a TLS 1.3 connection once OpenSSL has shaken hands, so that they
/// can be sealed and opened without OpenSSL's large object.
///
/// OpenSSL hands these secrets out only as text for a key log, which costs more than to derive
/// them. So a provider of ours offers the one KDF that derives them (provider-kdf(7)). It does
/// itself what a handshake asks for, a fifth of the work of a resumed one otherwise (see hkdf.h);
/// what is unusual it leaves to OpenSSL's own.
#pragma once

#include <array>
#include <cstddef>

namespace eg::net {

/// The secrets that protect application data of a TLS 1.3 connection (RFC 8446 7.1): the first of
/// each side, before any KeyUpdate.
struct TrafficSecrets {
    static constexpr std::size_t kMostBytes = 48;  // SHA-384

    TrafficSecrets() = default;
    ~TrafficSecrets();  // cleanses
    TrafficSecrets(const TrafficSecrets&) = delete;
    TrafficSecrets& operator=(const TrafficSecrets&) = delete;

    std::array<unsigned char, kMostBytes> client{};
    std::array<unsigned char, kMostBytes> server{};
    std::size_t client_bytes = 0;  // length of the suite's hash; 0: not known
    std::size_t server_bytes = 0;
};

/// While one lives, application traffic secrets that this thread derives go there. One at a time,
/// around calls of OpenSSL for one connection; of a server that of its side comes with its
/// Finished, that of the client's with the client's.
class SecretTap {
  public:
    explicit SecretTap(TrafficSecrets& into);
    ~SecretTap();
    SecretTap(const SecretTap&) = delete;
    SecretTap& operator=(const SecretTap&) = delete;
};

/// The property query for SSL_CTX_new_ex with which a tap hears anything. Null where OpenSSL can't
/// do it, or is set up not to use its default provider: then handshakes work as ever, and nothing
/// is heard. Any thread; the first call loads the providers.
[[nodiscard]] const char* tapped_properties();

}  // namespace eg::net
