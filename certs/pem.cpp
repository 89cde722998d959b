#include "certs/pem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace eg::certs {

namespace {

constexpr std::size_t kMostBytes = 16UL * 1024 * 1024;

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

std::unexpected<std::string> failed(const std::string& file, std::string_view what, int error = 0) {
    return std::unexpected(error == 0
                               ? fmt::format("{}: {}", file, what)
                               : fmt::format("{}: {}: {}", file, what, std::strerror(error)));
}

std::size_t count_of(std::string_view text, std::string_view word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + word.size())) {
        ++count;
    }
    return count;
}

}  // namespace

std::expected<Secret, std::string> read_whole(const std::string& file, Privacy privacy) {
    // Not blocking, so that a pipe in the place of a file can't hold us up.
    const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.get() < 0) {
        return failed(file, "can't be opened", errno);
    }
    struct stat info{};
    if (fstat(fd.get(), &info) != 0) {
        return failed(file, "can't be examined", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return failed(file, "is no regular file");
    }
    if (privacy == Privacy::secret && (info.st_mode & S_IRWXO) != 0) {
        return failed(file, fmt::format("holds a secret, but its mode {:04o} lets everybody in; "
                                        "'chmod o= {}' helps",
                                        info.st_mode & 07777U, file));
    }
    std::string text;
    // Room for the whole, so that growing leaves no copy of a secret behind.
    text.reserve(std::min(static_cast<std::size_t>(info.st_size) + 1, kMostBytes));
    std::array<char, 16384> piece{};
    while (true) {
        const ssize_t got = read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failed(file, "can't be read", errno);
        }
        if (got == 0) {
            break;
        }
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > kMostBytes) {
            return failed(file, "is larger than 16 MiB");
        }
    }
    OPENSSL_cleanse(piece.data(), piece.size());
    return Secret(std::move(text));
}

BioPtr memory(std::string_view text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::expected<std::vector<PemBlock>, std::string> pem_blocks(std::string_view text,
                                                             const std::string& file) {
    std::vector<PemBlock> blocks;
    const BioPtr bio = memory(text);
    ERR_clear_error();
    while (true) {
        char* label = nullptr;
        char* header = nullptr;
        unsigned char* bytes = nullptr;
        long length = 0;
        if (PEM_read_bio(bio.get(), &label, &header, &bytes, &length) != 1) {
            break;
        }
        PemBlock block;
        block.label = label;
        block.bytes.resize(static_cast<std::size_t>(length));
        std::memcpy(block.bytes.data(), bytes, block.bytes.size());
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(bytes, block.bytes.size());
        blocks.push_back(std::move(block));
    }
    ERR_clear_error();
    // OpenSSL reads the end of a file and a block without an end much alike, so the starts are
    // counted.
    const std::size_t starts = count_of(text, "-----BEGIN ");
    if (starts != blocks.size()) {
        return failed(
            file, fmt::format("block {} of {} is damaged or cut off", blocks.size() + 1, starts));
    }
    return blocks;
}

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace eg::certs
