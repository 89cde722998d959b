/// The other side of a connection under test: a plain non-blocking socket that the test itself
/// writes to and reads from, between two turns of the loop.
///
/// One thread. Everything stays on 127.0.0.1.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/ip.h"

namespace eg::test {

inline SocketAddress loopback(std::uint16_t port = 0) {
    return {*IpAddress::parse("127.0.0.1"), port};
}

class Peer {
  public:
    Peer() = default;
    explicit Peer(int fd) : fd_(fd) {}
    Peer(Peer&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)),
          received_(std::move(other.received_)),
          ended_(other.ended_),
          broken_(other.broken_) {}
    Peer& operator=(Peer&& other) noexcept {
        close();
        fd_ = std::exchange(other.fd_, -1);
        received_ = std::move(other.received_);
        ended_ = other.ended_;
        broken_ = other.broken_;
        return *this;
    }
    ~Peer() { close(); }

    /// Connects at once: the listener is on this machine.
    static Peer connect(std::uint16_t port) {
        sockaddr_storage native{};
        const socklen_t length = loopback(port).to_native(native);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EG_CHECK(fd >= 0);
        EG_CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0);
        return Peer(fd);
    }

    [[nodiscard]] bool open() const { return fd_ >= 0; }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] int take_fd() { return std::exchange(fd_, -1); }
    /// How many bytes the kernel took; 0 also when the connection is broken.
    std::size_t send(std::string_view bytes) const {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent < 0 ? 0 : static_cast<std::size_t>(sent);
    }
    /// Reads what is there now; at most `most` bytes.
    void receive(std::size_t most = SIZE_MAX) {
        std::array<char, 64 * 1024> buffer;
        while (fd_ >= 0 && !ended_ && !broken_ && most != 0) {
            const ssize_t got =
                ::recv(fd_, buffer.data(), std::min(buffer.size(), most), MSG_DONTWAIT);
            if (got > 0) {
                received_.append(buffer.data(), static_cast<std::size_t>(got));
                most -= static_cast<std::size_t>(got);
                continue;
            }
            ended_ = got == 0;
            broken_ = got < 0 && errno != EAGAIN && errno != EINTR;
            return;
        }
    }
    [[nodiscard]] const std::string& received() const { return received_; }
    std::string take_received() { return std::exchange(received_, {}); }
    /// The gate has said goodbye cleanly.
    [[nodiscard]] bool ended() const { return ended_; }
    /// The gate has reset the connection.
    [[nodiscard]] bool broken() const { return broken_; }

    void half_close() const { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }
    /// Ends the connection with a reset instead of a goodbye.
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

  private:
    int fd_ = -1;
    std::string received_;
    bool ended_ = false;
    bool broken_ = false;
};

/// A listening socket on a free port of 127.0.0.1.
class Door {
  public:
    Door() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_storage native{};
        socklen_t length = loopback().to_native(native);
        auto* address = reinterpret_cast<sockaddr*>(&native);
        EG_CHECK(fd_ >= 0 && ::bind(fd_, address, length) == 0 && ::listen(fd_, 64) == 0);
        EG_CHECK(::getsockname(fd_, address, &length) == 0);
        port_ = SocketAddress::from_native(native).port;
    }
    ~Door() { close(); }
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::optional<Peer> accept() const {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return fd < 0 ? std::nullopt : std::optional<Peer>(Peer(fd));
    }
    /// Gives the descriptor to a listener of ours.
    [[nodiscard]] int take_fd() { return std::exchange(fd_, -1); }
    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

/// Two ends of one connection, both non-blocking.
inline std::pair<int, int> socket_pair() {
    std::array<int, 2> ends{};
    EG_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
             0);
    return {ends[0], ends[1]};
}

}  // namespace eg::test
