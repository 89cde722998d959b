#include "proxy/server/process.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

namespace eg::server {

namespace {

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
        sigaddset(&set, number);
    }
    return set;
}

std::string reason() {
    return std::generic_category().message(errno);
}

}  // namespace

std::expected<void, std::string> SimpleServer::add_listener(const SocketAddress& address,
                                                            ServiceSettings settings,
                                                            Handler& handler) {
    const auto fd = net::bind_listener(address);
    if (!fd) {
        return std::unexpected(fd.error());
    }
    sockaddr_storage native{};
    socklen_t length = sizeof native;
    ::getsockname(*fd, reinterpret_cast<sockaddr*>(&native), &length);
    const SocketAddress bound = SocketAddress::from_native(native);
    bound_port_ = bound.port;
    serve(*fd, bound, std::move(settings), handler);
    return {};
}

std::expected<void, std::string> SimpleServer::add_unix_listener(const std::string& path,
                                                                 ServiceSettings settings,
                                                                 Handler& handler) {
    const auto fd = net::bind_unix_listener(path);
    if (!fd) {
        return std::unexpected(fd.error());
    }
    unix_paths_.push_back(path);
    serve(*fd, SocketAddress{}, std::move(settings), handler);
    return {};
}

void SimpleServer::serve(int fd, const SocketAddress& address, ServiceSettings settings,
                         Handler& handler) {
    served_.emplace_back(address, std::make_shared<SimpleService>(std::move(settings), handler));
    worker_.listen(fd, address, served_.back().second);
}

void SimpleServer::renew_first(ServiceSettings settings, Handler& handler) {
    served_.front().second = std::make_shared<SimpleService>(std::move(settings), handler);
    worker_.post([this, served = served_] { worker_.assign(served); });
}

void SimpleServer::stop() {
    worker_.stop();
    worker_.join();
    for (const std::string& path : unix_paths_) {
        ::unlink(path.c_str());
    }
    unix_paths_.clear();
}

void block_signals() {
    const sigset_t set = handled_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal(Milliseconds longest) {
    const sigset_t set = handled_signals();
    const timespec wait{.tv_sec = longest.count() / 1000,
                        .tv_nsec = longest.count() % 1000 * 1'000'000};
    const int number = sigtimedwait(&set, nullptr, &wait);
    return number < 0 ? 0 : number;
}

std::expected<void, std::string> become_user(const std::string& user) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        return std::unexpected(
            fmt::format("node.user: there is no user '{}' on this machine", user));
    }
    if (::initgroups(user.c_str(), entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
        ::setuid(entry->pw_uid) != 0) {
        return std::unexpected(fmt::format("can't become user '{}': {}", user, reason()));
    }
    if (entry->pw_uid != 0 && ::setuid(0) == 0) {
        return std::unexpected(fmt::format("user '{}' could become root again", user));
    }
    ::prctl(PR_SET_DUMPABLE, 0);
    return {};
}

}  // namespace eg::server
