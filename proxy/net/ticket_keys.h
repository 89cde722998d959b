/// Keys that seal TLS tickets (RFC 5077 4, RFC 8446 4.6.1) of one instance.
///
/// Thread: any; random keys rotate under a mutex that is taken once a ticket.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

namespace eg::net {

class TicketKeys {
  public:
    static constexpr std::size_t kFileKeyBytes = 80;

    /// From a file's content (n x 80 bytes, the first seals, all open), each derived anew by
    /// HKDF-SHA256 with the instance's name, so that nodes share tickets and instances don't. "" =
    /// random keys: a new one every `rotation`, the one before still opens.
    TicketKeys(std::string_view file_content, std::string_view instance,
               std::chrono::steady_clock::duration rotation = std::chrono::hours(12));

    /// For SSL_CTX_set_tlsext_ticket_key_evp_cb; same meaning of arguments and result.
    int apply(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int sealing);

  private:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher_key;
        std::array<unsigned char, 32> mac_key;
    };
    void rotate();
    std::mutex mutex_;  // guards all below
    std::vector<Key> keys_;
    bool random_;
    std::chrono::steady_clock::duration rotation_;
    std::chrono::steady_clock::time_point made_;
};

}  // namespace eg::net
