#include "proxy/device/digest.h"

#include "proxy/base/check.h"

namespace eg::device {

Digest::Digest() : context_(EVP_MD_CTX_new()) {
    EG_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Digest::add(std::span<const unsigned char> bytes) {
    EG_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Sum Digest::finish() {
    Sum sum{};
    unsigned length = 0;
    EG_CHECK(EVP_DigestFinal_ex(context_.get(), sum.data(), &length) == 1 && length == sum.size());
    return sum;
}

}  // namespace eg::device
