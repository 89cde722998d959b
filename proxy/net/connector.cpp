#include "proxy/net/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace eg::net {

Connector::Progress Connector::step() {
    for (;;) {
        bool goes_on = false;
        switch (state_) {
            case State::resolving:
                goes_on = resolve();
                break;
            case State::next_address:
                goes_on = try_address();
                break;
            case State::connecting:
                goes_on = finish_connect();
                break;
            case State::handshaking:
                goes_on = handshake();
                break;
            case State::ready:
                return Progress::ready;
            case State::failed:
                return Progress::failed;
        }
        if (!goes_on) {
            return Progress::waiting;
        }
    }
}

bool Connector::resolve() {
    if (!patience_.armed()) {
        patience_.arm(target_.timeout);
        due_ms_ = loop_.now_ms() + target_.timeout.count();
    }
    bool failed = false;
    const auto* found = names_.look_up(target_.server->host, owner_, failed);
    if (found != nullptr) {
        addresses_ = *found;
        state_ = State::next_address;
        return true;
    }
    if (failed || patience_.passed()) {
        note(failed ? ErrorCode::unresolved : ErrorCode::timed_out, "name look-up", 0);
        state_ = State::failed;
        return true;
    }
    return false;
}

bool Connector::try_address() {
    stream_.reset();
    socket_ = nullptr;
    if (next_ == addresses_.size()) {
        patience_.disarm();
        state_ = State::failed;
        return true;
    }
    const std::int64_t left_ms = std::max<std::int64_t>(due_ms_ - loop_.now_ms(), 0);
    patience_.arm(Milliseconds(left_ms / static_cast<std::int64_t>(addresses_.size() - next_)));
    const SocketAddress address{addresses_[next_++], target_.server->port};
    sockaddr_storage native{};
    const socklen_t length = address.to_native(native);
    const int fd = ::socket(native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        note(ErrorCode::unavailable, "socket", errno);
        return true;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0 &&
        errno != EINPROGRESS) {
        note(ErrorCode::refused, "connect", errno);
        ::close(fd);
        return true;
    }
    if (target_.tls == nullptr) {
        auto stream = std::make_unique<PlainStream>(loop_, fd, owner_);
        socket_ = &stream->socket();
        stream_ = std::move(stream);
    } else {
        auto stream = std::make_unique<TlsStream>(loop_, fd, owner_, target_.tls->connect());
        socket_ = &stream->socket();
        stream_ = std::move(stream);
    }
    state_ = State::connecting;
    return true;
}

bool Connector::finish_connect() {
    if (!socket_->was_woken()) {
        if (!patience_.passed()) {
            return false;
        }
        note(ErrorCode::timed_out, "connect", 0);
        state_ = State::next_address;
        return true;
    }
    const int error = socket_->connect_error();
    if (error != 0) {
        note(ErrorCode::refused, "connect", error);
        state_ = State::next_address;
        return true;
    }
    state_ = State::handshaking;
    return true;
}

bool Connector::handshake() {
    const IoResult result = stream_->handshake();
    switch (result.status) {
        case IoStatus::ok:
            patience_.disarm();
            state_ = State::ready;
            return true;
        case IoStatus::again:
            if (!patience_.passed()) {
                return false;
            }
            note(ErrorCode::timed_out, "TLS handshake", 0);
            break;
        case IoStatus::eof:
        case IoStatus::error:
            note(ErrorCode::untrusted, "TLS handshake", 0);
            detail_ += ": " + TlsStream::last_failure();
            break;
    }
    state_ = State::next_address;
    return true;
}

void Connector::note(ErrorCode code, const char* what, int sys_errno) {
    error_ = Error{what, sys_errno, code, Side::upstream};
    const std::string address =
        next_ == 0 ? target_.server->host : addresses_[next_ - 1].to_string();
    detail_ = fmt::format("{} port {}: {}", address, target_.server->port, describe(error_));
}

}  // namespace eg::net
