#include "bench/load/phone.h"

#include <array>

#include "bench/load/arguments.h"
#include "bench/load/http.h"

namespace eg::bench {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kJoinBytes = 16 * 1024;  // head and body up to this leave in one write

}  // namespace

Phone::Phone(Poller& poller, PhoneOwner& owner, std::uint16_t port, SSL_CTX* tls)
    : poller_(poller), owner_(owner), port_(port), tls_(tls) {}

Phone::~Phone() {
    close();
}

void Phone::connect() {
    close();
    const int fd = connect_to(port_);
    if (fd < 0) {
        owner_.lost(*this);
        return;
    }
    SslPtr ssl;
    if (tls_ != nullptr) {
        ssl.reset(SSL_new(tls_));
        SSL_set_connect_state(ssl.get());
        SSL_set_ex_data(ssl.get(), 0, this);
        if (ticket_ != nullptr) {
            SSL_set_session(ssl.get(), ticket_.get());
            ticket_.reset();
        }
    }
    link_ = std::make_unique<Link>(fd, std::move(ssl));
    state_ = State::shaking;
    events_ = EPOLLOUT;
    poller_.add(fd, *this, events_);
}

void Phone::close() {
    if (link_ != nullptr) {
        link_->say_goodbye();
        poller_.forget(*this);
        link_.reset();
    }
    partial_.clear();
    state_ = State::closed;
}

void Phone::ask(std::string_view head, std::string_view body, std::uint64_t due_ns) {
    head_ = head;
    body_ = body;
    due_ns_ = due_ns;
    state_ = State::sending;
    send();
}

void Phone::ready(std::uint32_t) {
    switch (state_) {
        case State::shaking:
            shake();
            break;
        case State::sending:
            send();
            break;
        case State::idle:
        case State::waiting:
        case State::reading:
            read();
            break;
        case State::closed:
            break;
    }
}

void Phone::shake() {
    switch (link_->handshake()) {
        case Io::again:
            want(EPOLLIN);
            return;
        case Io::closed:
            lose();
            return;
        case Io::ok:
            break;
    }
    resumed_ = link_->ssl() != nullptr && SSL_session_reused(link_->ssl()) == 1;
    want(EPOLLIN);
    state_ = State::idle;
    owner_.connected(*this);
}

void Phone::send() {
    static std::array<char, kJoinBytes> joined;
    while (!head_.empty() || !body_.empty()) {
        std::string_view piece = head_.empty() ? body_.substr(0, 4 * kJoinBytes) : head_;
        if (!head_.empty() && !body_.empty() && head_.size() + body_.size() <= joined.size()) {
            head_.copy(joined.data(), head_.size());
            body_.copy(joined.data() + head_.size(), body_.size());
            piece = {joined.data(), head_.size() + body_.size()};
        }
        const Moved sent = link_->write(piece);
        if (sent.io == Io::closed) {
            lose();
            return;
        }
        if (sent.io == Io::again) {
            want(EPOLLIN | EPOLLOUT);
            return;
        }
        const std::size_t of_head = std::min(sent.bytes, head_.size());
        head_.remove_prefix(of_head);
        body_.remove_prefix(sent.bytes - of_head);
    }
    want(EPOLLIN);
    state_ = State::waiting;
}

void Phone::read() {
    static std::array<char, kReadBytes> buffer;
    for (;;) {
        const Moved got = link_->read(buffer);
        if (got.io == Io::closed) {
            lose();
            return;
        }
        if (got.io == Io::again) {
            return;
        }
        bytes_in_ += got.bytes;
        if (!take({buffer.data(), got.bytes})) {
            return;
        }
        if (!link_->pending()) {
            return;
        }
    }
}

/// False: the phone is no longer reading.
bool Phone::take(std::string_view bytes) {
    if (state_ == State::idle) {
        fail("an answer that nobody asked for");
    }
    if (state_ == State::waiting) {
        std::string_view input = bytes;
        if (!partial_.empty()) {
            partial_ += bytes;
            input = partial_;
        }
        const auto head = read_head(input);
        if (!head) {
            if (partial_.empty()) {
                partial_ = bytes;
            }
            return true;
        }
        status_ = head->status;
        left_ = head->length;
        bytes.remove_prefix(bytes.size() - (input.size() - head->bytes));
        partial_.clear();
        state_ = State::reading;
    }
    if (bytes.size() > left_) {
        fail("more bytes than the answer announced");
    }
    left_ -= bytes.size();
    if (left_ != 0) {
        return true;
    }
    state_ = State::idle;
    owner_.answered(*this, status_);
    return false;
}

void Phone::want(std::uint32_t events) {
    if (events != events_) {
        events_ = events;
        poller_.change(link_->fd(), *this, events);
    }
}

void Phone::lose() {
    close();
    owner_.lost(*this);
}

int Phone::on_ticket(SSL* ssl, SSL_SESSION* ticket) {
    auto* phone = static_cast<Phone*>(SSL_get_ex_data(ssl, 0));
    phone->ticket_.reset(ticket);
    return 1;  // the reference is ours
}

}  // namespace eg::bench
