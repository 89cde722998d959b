#include "proxy/log/daily_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace eg::log {
namespace {

constexpr mode_t kFileMode = 0640;  // administrators may read it through the group; nobody else

/// Whether a regular file ends in the middle of a line.
bool ends_cut(int fd, off_t size) {
    char last = '\n';
    return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

DailyFile::Written write_all(int fd, std::string_view text) {
    DailyFile::Written written;
    while (written.bytes < text.size()) {
        const ssize_t n = ::write(fd, text.data() + written.bytes, text.size() - written.bytes);
        if (n > 0) {
            written.bytes += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            written.error = n == 0 ? EIO : errno;
            return written;
        }
    }
    return written;
}

}  // namespace

void DailyFile::set_place(std::string directory, std::string name) {
    close();
    directory_ = std::move(directory);
    name_ = std::move(name);
}

void DailyFile::close() {
    if (fd_ >= 0 && fd_ != STDERR_FILENO) {
        ::close(fd_);
    }
    fd_ = -1;
    cut_ = false;
}

int DailyFile::open(std::string_view date) {
    close();
    date_ = date;
    if (directory_.empty()) {
        path_ = "standard error";
        fd_ = STDERR_FILENO;
        return 0;
    }
    path_ = directory_ + "/" + name_ + "." + date_;
    // Without O_NONBLOCK a FIFO of that name would hold the thread for ever.
    constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const int fd = ::open(path_.c_str(), kFlags, kFileMode);
    if (fd < 0) {
        return errno;
    }
    struct stat facts{};
    if (::fstat(fd, &facts) != 0) {
        const int error = errno;
        ::close(fd);
        return error;
    }
    fd_ = fd;
    device_ = facts.st_dev;
    inode_ = facts.st_ino;
    cut_ = S_ISREG(facts.st_mode) && ends_cut(fd, facts.st_size);
    return 0;
}

bool DailyFile::still_in_place() const {
    if (fd_ == STDERR_FILENO) {
        return true;
    }
    struct stat facts{};
    return ::stat(path_.c_str(), &facts) == 0 && facts.st_dev == device_ && facts.st_ino == inode_;
}

DailyFile::Written DailyFile::write(std::string_view date, std::string_view lines) {
    if (fd_ < 0 || date != date_ || !still_in_place()) {
        if (const int error = open(date); error != 0) {
            return {0, error};
        }
    }
    if (cut_) {
        if (const Written ended = write_all(fd_, "\n"); ended.error != 0) {
            return {0, ended.error};
        }
        cut_ = false;
    }
    const Written written = write_all(fd_, lines);
    cut_ = written.bytes > 0 && lines[written.bytes - 1] != '\n';
    return written;
}

}  // namespace eg::log
