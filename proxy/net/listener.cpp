#include "proxy/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <event2/event.h>
#include <fmt/format.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr auto kPause = Milliseconds(100);

std::string reason(int error) {
    return std::generic_category().message(error);
}

std::unexpected<std::string> failed(int fd, const std::string& what, int error) {
    if (fd >= 0) {
        ::close(fd);
    }
    return std::unexpected(fmt::format("can't listen on {}: {}", what, reason(error)));
}

bool set_option(int fd, int level, int name) {
    const int on = 1;
    return ::setsockopt(fd, level, name, &on, sizeof on) == 0;
}

}  // namespace

std::expected<int, std::string> bind_listener(const SocketAddress& address) {
    sockaddr_storage native{};
    const socklen_t length = address.to_native(native);
    const int fd = ::socket(native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return failed(fd, address.to_string(), errno);
    }
    const bool any_v6 = !address.address.is_v4() && address.address.is_unspecified();
    const int only_v6 = any_v6 ? 0 : 1;  // "::" takes IPv4 too
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR) || !set_option(fd, SOL_SOCKET, SO_REUSEPORT) ||
        (native.ss_family == AF_INET6 &&
         ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) != 0) ||
        // sockaddr is how the system call takes any address.
        ::bind(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0 ||
        ::listen(fd, kBacklog) != 0) {
        return failed(fd, address.to_string(), errno);
    }
    return fd;
}

std::expected<int, std::string> bind_unix_listener(const std::string& path) {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    if (path.size() >= sizeof native.sun_path) {
        return failed(-1, path, ENAMETOOLONG);
    }
    std::memcpy(native.sun_path, path.data(), path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&native);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return failed(fd, path, errno);
    }
    if (::connect(fd, generic, sizeof native) == 0) {
        return failed(fd, path, EADDRINUSE);  // somebody answers there: another node
    }
    struct stat found{};
    if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
        ::unlink(path.c_str());
    }
    const mode_t before = ::umask(0177);
    const bool bound = ::bind(fd, generic, sizeof native) == 0;
    const int error = errno;
    ::umask(before);
    if (!bound) {
        return failed(fd, path, error);
    }
    if (::listen(fd, kBacklog) != 0) {
        return failed(fd, path, errno);
    }
    return fd;
}

Listener::Listener(Loop& loop, int fd, SocketAddress address, std::function<bool()> may_accept,
                   Accept accept)
    : loop_(loop),
      fd_(fd),
      address_(address),
      may_accept_(std::move(may_accept)),
      accept_(std::move(accept)),
      event_(event_new(loop.base(), fd, EV_READ | EV_PERSIST, &Listener::on_readable, this)),
      resume_(loop.wheel(), *this) {
    EG_CHECK(event_ != nullptr && event_add(event_, nullptr) == 0);
}

Listener::~Listener() {
    event_free(event_);
    ::close(fd_);
}

void Listener::on_readable(int, short, void* self) noexcept {
    auto& listener = *static_cast<Listener*>(self);
    listener.loop_.refresh_clock();
    listener.advance();
}

void Listener::pause() {
    if (!paused_) {
        event_del(event_);
        ++pauses_;
    }
    paused_ = true;
    resume_.arm(kPause);
}

void Listener::advance() {
    if (paused_) {
        if (!resume_.passed()) {
            return;
        }
        resume_.disarm();
        paused_ = false;
        event_add(event_, nullptr);
    }
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        if (!may_accept_()) {
            pause();
            return;
        }
        sockaddr_storage native{};
        socklen_t length = sizeof native;
        const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&native), &length,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            set_option(fd, IPPROTO_TCP, TCP_NODELAY);
            accept_(fd, SocketAddress::from_native(native));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause();
        }
        if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO) {
            return;
        }
    }
}

}  // namespace eg::net
