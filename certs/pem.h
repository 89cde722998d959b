/// Files with certificates and keys, read with the checks that all of them need.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>

#include "proxy/base/secret.h"

namespace eg::certs {

struct BioFree {
    void operator()(BIO* p) const { BIO_free(p); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

/// Whether a file holds a secret, so that others than its owner and group must not read it.
enum class Privacy : unsigned char { open, secret };

/// The whole file, at most 16 MiB, regular files only. The error is a sentence that names the file.
[[nodiscard]] std::expected<Secret, std::string> read_whole(const std::string& file,
                                                            Privacy privacy);

/// A reader over text that must outlive it.
[[nodiscard]] BioPtr memory(std::string_view text);

/// One `-----BEGIN LABEL-----` block, decoded.
struct PemBlock {
    std::string label;
    std::string bytes;
};

/// All blocks of the text. Fails if one is broken; `file` is for the sentence.
[[nodiscard]] std::expected<std::vector<PemBlock>, std::string> pem_blocks(std::string_view text,
                                                                           const std::string& file);

/// The reason of OpenSSL's first queued error, and an empty queue; never holds file contents.
[[nodiscard]] std::string openssl_reason();

}  // namespace eg::certs
