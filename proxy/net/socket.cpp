#include "proxy/net/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <event2/event.h>

#include "proxy/base/check.h"

namespace eg::net {

Socket::Socket(Loop& loop, int fd, Advancing& owner) : loop_(loop), owner_(owner), fd_(fd) {
    constexpr short kAll = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    EG_CHECK(event_assign(&event_, loop.base(), fd, kAll, &Socket::on_event, this) == 0);
    EG_CHECK(event_add(&event_, nullptr) == 0);
}

Socket::~Socket() {
    push();
    event_del(&event_);
    ::close(fd_);
}

void Socket::on_event(int, short what, void* self) noexcept {
    auto& socket = *static_cast<Socket*>(self);
    socket.loop_.refresh_clock();
    socket.readable_ |= (what & (EV_READ | EV_CLOSED)) != 0;
    socket.hung_up_ |= (what & EV_CLOSED) != 0;
    socket.writable_ |= (what & EV_WRITE) != 0;
    socket.woken_ = true;
    if (socket.writable_ && socket.holds_back()) {
        socket.deliver_held_back();
    }
    Outbox& outbox = socket.loop_.outbox();
    socket.owner_.advance();  // which may be the end of the socket
    outbox.event_passed();
}

IoResult Socket::read(std::span<char> into) {
    if (!readable_ || into.empty()) {
        return {};
    }
    ssize_t count = 0;
    do {
        count = ::recv(fd_, into.data(), into.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        const auto bytes = static_cast<std::size_t>(count);
        if (bytes < into.size() && !hung_up_) {
            readable_ = false;
        }
        heard_ = true;
        return {.status = IoStatus::ok, .bytes = bytes};
    }
    if (count == 0) {
        return {.status = IoStatus::eof};
    }
    if (errno == EAGAIN) {
        readable_ = false;
        return {};
    }
    return {.status = IoStatus::error, .sys_errno = errno};
}

IoResult Socket::write(std::span<const std::string_view> pieces) {
    push();
    if (!writable_) {
        return {};
    }
    std::size_t total = 0;
    for (const auto& piece : pieces) {
        total += piece.size();
    }
    if (total == 0) {
        return {.status = IoStatus::ok};
    }
    if (std::exchange(heard_, false) && loop_.outbox().take(*this, pieces, total)) {
        in_outbox_ = true;
        return {.status = IoStatus::ok, .bytes = total};
    }
    return send_now(pieces);
}

IoResult Socket::send_now(std::span<const std::string_view> pieces) {
    if (pieces.size() == 1) {  // send() is a little cheaper than sendmsg()
        return send_one(pieces.front());
    }
    std::array<iovec, 8> parts;
    const std::size_t used = std::min(pieces.size(), parts.size());
    std::size_t offered = 0;
    for (std::size_t i = 0; i < used; ++i) {
        // The kernel only reads from here; iovec has no const form.
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
        parts[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
        offered += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = used;
    ssize_t count = 0;
    do {
        count = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return sent(count, offered);
}

void Socket::deliver(std::string_view bytes) {
    in_outbox_ = false;
    const IoResult result = send_one(bytes);
    if (result.status == IoStatus::error) {
        // It was said to be sent: the end of the stream tells the owner, by an event.
        ::shutdown(fd_, SHUT_RDWR);
    } else if (result.bytes < bytes.size()) {
        held_back_ = std::make_unique<std::string>(bytes.substr(result.bytes));
    }
}

void Socket::deliver_held_back() {
    const auto bytes = std::move(held_back_);
    deliver(*bytes);
    if (ends_ && !holds_back()) {
        ::shutdown(fd_, SHUT_WR);
    }
}

IoResult Socket::send_one(std::string_view piece) {
    ssize_t count = 0;
    do {
        count = ::send(fd_, piece.data(), piece.size(), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return sent(count, piece.size());
}

IoResult Socket::sent(std::ptrdiff_t count, std::size_t of) {
    if (count >= 0) {
        const auto bytes = static_cast<std::size_t>(count);
        writable_ = bytes == of;
        return {.status = IoStatus::ok, .bytes = bytes};
    }
    if (errno == EAGAIN) {
        writable_ = false;
        return {};
    }
    return {.status = IoStatus::error, .sys_errno = errno};
}

void Socket::probe() {
    pollfd question{.fd = fd_, .events = POLLRDHUP, .revents = 0};
    if (::poll(&question, 1, 0) == 1) {
        hung_up_ = true;
        readable_ = true;
    }
}

void Socket::push() {
    if (in_outbox_) {
        loop_.outbox().deliver(*this);
    }
}

void Socket::shutdown_write(std::string_view last) {
    push();
    if (holds_back()) {
        held_back_->append(last);
        ends_ = true;
        return;
    }
    if (!last.empty()) {
        (void)send_one(last);
    }
    ::shutdown(fd_, SHUT_WR);
}

int Socket::connect_error() const {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        return errno;
    }
    return error;
}

}  // namespace eg::net
