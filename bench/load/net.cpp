#include "bench/load/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <openssl/err.h>

#include "bench/load/arguments.h"

namespace eg::bench {

namespace {

constexpr std::size_t kEventsPerTurn = 256;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void no_delay(int fd) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void set_common(SSL_CTX* context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
}

}  // namespace

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)), events_(kEventsPerTurn) {
    if (fd_ < 0) {
        fail("epoll_create1");
    }
}

Poller::~Poller() {
    ::close(fd_);
}

void Poller::add(int fd, Handler& handler, std::uint32_t events) const {
    epoll_event event{.events = events, .data = {.ptr = &handler}};
    if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

void Poller::change(int fd, Handler& handler, std::uint32_t events) const {
    epoll_event event{.events = events, .data = {.ptr = &handler}};
    if (epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

void Poller::forget(const Handler& handler) {
    for (std::size_t i = 0; i < count_; ++i) {
        if (events_[i].data.ptr == &handler) {
            events_[i].data.ptr = nullptr;
        }
    }
}

void Poller::turn(int wait_ms) {
    const int found = epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), wait_ms);
    count_ = found < 0 ? 0 : static_cast<std::size_t>(found);
    for (std::size_t i = 0; i < count_; ++i) {
        if (events_[i].data.ptr != nullptr) {
            static_cast<Handler*>(events_[i].data.ptr)->ready(events_[i].events);
        }
    }
    count_ = 0;
}

Link::Link(int fd, SslPtr ssl) : fd_(fd), ssl_(std::move(ssl)) {
    if (ssl_ != nullptr) {
        SSL_set_fd(ssl_.get(), fd);
    }
}

Link::~Link() {
    ssl_.reset();
    ::close(fd_);
}

Io Link::handshake() {
    if (ssl_ == nullptr) {
        return Io::ok;
    }
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    return result == 1 ? Io::ok : outcome(result).io;
}

Moved Link::read(std::span<char> into) {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int got = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
        return got > 0 ? Moved{Io::ok, static_cast<std::size_t>(got)} : outcome(got);
    }
    const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
    if (got > 0) {
        return {Io::ok, static_cast<std::size_t>(got)};
    }
    return {got < 0 && errno == EAGAIN ? Io::again : Io::closed, 0};
}

Moved Link::write(std::string_view bytes) {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
        return sent > 0 ? Moved{Io::ok, static_cast<std::size_t>(sent)} : outcome(sent);
    }
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
        return {Io::ok, static_cast<std::size_t>(sent)};
    }
    return {errno == EAGAIN ? Io::again : Io::closed, 0};
}

bool Link::pending() const {
    return ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1;
}

void Link::free_buffers() {
    if (ssl_ != nullptr) {
        SSL_free_buffers(ssl_.get());
    }
}

void Link::say_goodbye() {
    if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
    }
}

Moved Link::outcome(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    return {waits ? Io::again : Io::closed, 0};
}

int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const sockaddr_in address = loopback(port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, 4096) != 0) {
        fail("listen");
    }
    return fd;
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    no_delay(fd);
    const sockaddr_in address = loopback(port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
        ::close(fd);
        return -1;
    }
    return fd;
}

int accept_from(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        no_delay(fd);
    }
    return fd;
}

ContextPtr server_context(const std::string& certificate, const std::string& key) {
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    set_common(context.get());
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 1);
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
        fail("certificate");
    }
    return context;
}

ContextPtr client_context(std::string_view version) {
    ContextPtr context(SSL_CTX_new(TLS_client_method()));
    set_common(context.get());
    const int number = version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context.get(), number);
    SSL_CTX_set_max_proto_version(context.get(), number);
    SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
    return context;
}

void prepare_process() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    std::signal(SIGPIPE, SIG_IGN);
}

std::uint64_t now_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace eg::bench
