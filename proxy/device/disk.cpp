#include "proxy/device/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace eg::device::disk {

namespace {

constexpr std::size_t kBuffer = 256 * 1024;

std::unexpected<Error> failed(const char* what, int error = errno) {
    return fail(ErrorCode::io, Side::self, what, error);
}

/// 0 or an errno.
int write_all(int file, std::span<const unsigned char> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(file, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return 0;
}

std::string unfinished(const std::string& path) {
    return path + ".new";
}

/// Makes a rename survive a loss of power. 0 or an errno.
int sync_folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return file.is_open() && ::fsync(file.number()) == 0 ? 0 : errno;
}

}  // namespace

Descriptor::~Descriptor() {
    if (is_open()) {
        ::close(number_);
    }
}

Descriptor::Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
}

Result<Descriptor> open_to_read(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) {
        return failed("open");
    }
    struct stat status{};
    if (::fstat(file.number(), &status) != 0) {
        return failed("fstat");
    }
    if (!S_ISREG(status.st_mode)) {
        return failed("not a regular file", EINVAL);
    }
    return file;
}

Result<Descriptor> lock(const std::string& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) {
        return failed("open the lock file");
    }
    if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? fail(ErrorCode::unavailable, Side::self,
                                           "another process keeps its device states there")
                                    : failed("flock");
    }
    return file;
}

Result<std::size_t> read_some(const Descriptor& file, std::span<unsigned char> into) {
    for (;;) {
        const ssize_t count = ::read(file.number(), into.data(), into.size());
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            return failed("read");
        }
    }
}

Result<std::vector<unsigned char>> read_small(const std::string& path, std::size_t most) {
    const Result<Descriptor> file = open_to_read(path);
    if (!file) {
        return std::unexpected(file.error());
    }
    std::vector<unsigned char> bytes(most);
    std::size_t size = 0;
    while (size < most) {
        const Result<std::size_t> got = read_some(*file, std::span(bytes).subspan(size));
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            break;
        }
        size += *got;
    }
    bytes.resize(size);
    return bytes;
}

Result<Descriptor> open_to_append(const std::string& path, std::uint64_t size) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    struct stat status{};
    if (!file.is_open() || ::fstat(file.number(), &status) != 0) {
        return failed("open");
    }
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size) {
        return failed("somebody else changed the file", EINVAL);
    }
    return file;
}

Result<void> append(const Descriptor& file, std::span<const unsigned char> bytes) {
    if (const int error = write_all(file.number(), bytes); error != 0) {
        return failed("write", error);
    }
    if (::fdatasync(file.number()) != 0) {
        return failed("fdatasync");
    }
    return {};
}

Result<Replacement> Replacement::begin(const std::string& path) {
    const std::string name = unfinished(path);
    // A left-over of a killed process may have any owner or mode: a new file is the safe one.
    (void)::unlink(name.c_str());
    Descriptor file(
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) {
        return failed("open");
    }
    return Replacement(path, std::move(file));
}

Replacement::Replacement(Replacement&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      buffer_(std::move(other.buffer_)),
      error_(other.error_) {}

Replacement::~Replacement() {
    if (!path_.empty()) {
        (void)::unlink(unfinished(path_).c_str());
    }
}

void Replacement::write(std::span<const unsigned char> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= kBuffer) {
        flush();
    }
}

void Replacement::flush() {
    if (error_ == 0) {
        error_ = write_all(file_.number(), buffer_);
    }
    buffer_.clear();
}

Result<void> Replacement::commit() {
    flush();
    if (error_ != 0) {
        return failed("write", error_);
    }
    if (::fsync(file_.number()) != 0) {
        return failed("fsync");
    }
    if (::rename(unfinished(path_).c_str(), path_.c_str()) != 0) {
        return failed("rename");
    }
    const std::string path = std::exchange(path_, {});
    if (const int error = sync_folder_of(path); error != 0) {
        return failed("fsync of the folder", error);
    }
    return {};
}

}  // namespace eg::device::disk
