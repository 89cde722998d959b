/// SHA-256, a piece at a time.
#pragma once

#include <array>
#include <memory>
#include <span>

#include <openssl/evp.h>

namespace eg::device {

using Sum = std::array<unsigned char, 32>;

class Digest {
  public:
    Digest();
    void add(std::span<const unsigned char> bytes);
    /// The sum of what was added. Ends the digest.
    [[nodiscard]] Sum finish();

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace eg::device
