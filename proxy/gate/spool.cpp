#include "proxy/gate/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "proxy/base/check.h"

namespace eg::gate {

namespace {

constexpr std::size_t kWriteBytes = 64 * 1024;  // at a time, so that small chunks cost little
constexpr std::uint64_t kShares = 8;

/// A file without a name that only we can open, or -1. A name that is taken away at once is the way
/// of file systems that have no files without one.
int open_nameless(const std::string& directory) {
    const int file =
        ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return file;
    }
    std::string name = directory + "/.spool-XXXXXX";
    const int named = ::mkostemp(name.data(), O_CLOEXEC);  // with mode 0600
    if (named >= 0) {
        ::unlink(name.c_str());
    }
    return named;
}

}  // namespace

bool SpoolSpace::reserve(const Claim& claim, std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    const auto found = of_devices_.find(claim.device);
    const std::uint64_t has = found == of_devices_.end() ? 0 : found->second;
    if (used_ + bytes > claim.total || has + bytes > claim.of_one) {
        return false;
    }
    used_ += bytes;
    of_devices_[claim.device] = has + bytes;
    return true;
}

void SpoolSpace::release(const Claim& claim, std::uint64_t bytes) {
    if (bytes == 0) {
        return;
    }
    const std::scoped_lock lock(mutex_);
    const auto found = of_devices_.find(claim.device);
    EG_CHECK(found != of_devices_.end() && found->second >= bytes && used_ >= bytes);
    used_ -= bytes;
    found->second -= bytes;
    if (found->second == 0) {
        of_devices_.erase(found);
    }
}

std::uint64_t SpoolSpace::used() const {
    const std::scoped_lock lock(mutex_);
    return used_;
}

Spool::Spool(SpoolSpace& space, std::uint64_t device, const SpoolLimits& limits,
             std::string directory, net::BufferPool& pool)
    : space_(space),
      claim_{.device = device,
             .total = limits.total,
             .of_one = std::max(limits.total / kShares, 2 * limits.body)},
      limits_(limits),
      directory_(std::move(directory)),
      input_(pool) {}

Spool::~Spool() {
    if (file_ >= 0) {
        ::close(file_);
    }
    space_.release(claim_, size_);
}

Spool::Status Spool::append(std::string_view piece) {
    if (piece.empty()) {
        return Status::ok;
    }
    if (size_ + piece.size() > limits_.body) {
        return Status::too_large;
    }
    if (!space_.reserve(claim_, piece.size())) {
        return Status::no_room;
    }
    size_ += piece.size();
    memory_ += piece;
    if (file_ < 0 && size_ > limits_.memory && !open()) {
        return fail();
    }
    if (file_ >= 0 && memory_.size() >= kWriteBytes && !flush()) {
        return fail();
    }
    return Status::ok;
}

Spool::Status Spool::finish() {
    if (file_ >= 0) {
        if (!flush()) {
            return fail();
        }
        memory_ = std::string();
    }
    while (read_ < size_) {
        const auto room = input_.space();
        if (room.empty()) {
            break;
        }
        const net::IoResult got = read(room);
        if (got.status != net::IoStatus::ok) {
            return Status::failed;
        }
        input_.commit(got.bytes);
    }
    if (file_ < 0 && read_ == size_) {
        memory_ = std::string();
    }
    return Status::ok;
}

bool Spool::open() {
    file_ = open_nameless(directory_);
    return file_ >= 0;
}

bool Spool::flush() {
    std::string_view left = memory_;
    while (!left.empty()) {
        const ssize_t count =
            ::pwrite(file_, left.data(), left.size(), static_cast<off_t>(written_));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        written_ += static_cast<std::uint64_t>(count);
        left.remove_prefix(static_cast<std::size_t>(count));
    }
    memory_.clear();
    return true;
}

Spool::Status Spool::fail() {
    errno_ = errno;
    return Status::failed;
}

net::IoResult Spool::read(std::span<char> into) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - read_));
    if (most == 0) {
        return {.status = net::IoStatus::eof};
    }
    std::size_t count = most;
    if (file_ < 0) {
        std::copy_n(memory_.data() + read_, most, into.data());
    } else {
        ssize_t got = -1;
        do {
            got = ::pread(file_, into.data(), most, static_cast<off_t>(read_));
        } while (got < 0 && errno == EINTR);
        if (got <= 0) {
            // A file of ours that is shorter than what was written to it, or that can't be read.
            errno_ = got < 0 ? errno : EIO;
            return {.status = net::IoStatus::error, .sys_errno = errno_};
        }
        count = static_cast<std::size_t>(got);
    }
    read_ += count;
    return {.status = net::IoStatus::ok, .bytes = count};
}

}  // namespace eg::gate
