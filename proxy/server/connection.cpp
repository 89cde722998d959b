#include "proxy/server/connection.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"
#include "proxy/net/plain_stream.h"
#include "proxy/server/worker.h"

namespace eg::server {

namespace {

constexpr auto kParkAfter = Milliseconds(1'000);  // idle: then TLS gives its buffers back
constexpr auto kLinger = Milliseconds(2'000);
constexpr std::uint32_t kLingerBytes = 256 * 1024;
constexpr int kStepsPerTurn = 64;  // requests of a pipeline before others get their turn

}  // namespace

Connection::Connection(Worker& worker, std::shared_ptr<Service> service, int fd,
                       const SocketAddress& peer)
    : worker_(worker),
      service_(std::move(service)),
      input_(worker.buffers()),
      deadline_(worker.loop().wheel(), *this),
      peer_(peer) {
    const auto& settings = service_->settings();
    if (settings.tls == nullptr) {
        auto plain = std::make_unique<net::PlainStream>(worker.loop(), fd, *this);
        socket_ = &plain->socket();
        stream_ = std::move(plain);
        enter_idle();
    } else {
        auto tls = std::make_unique<net::TlsStream>(
            worker.loop(), fd, *this, settings.tls->accept(), settings.tls->records());
        tls_ = tls.get();
        socket_ = &tls->socket();
        stream_ = std::move(tls);
        deadline_.arm(settings.handshake_timeout);
    }
    service_->connection_opened();
}

Connection::~Connection() {
    transaction_.reset();
    notes_.reset();
    service_->connection_closed();
}

void Connection::advance() {
    if (advancing_) {
        advance_again_ = true;  // woken from within a step: look again afterwards
        return;
    }
    advancing_ = true;
    for (int steps = 0;; ++steps) {
        advance_again_ = false;
        Next next = Next::wait;
        switch (state_) {
            case State::handshaking:
                next = shake_hands();
                break;
            case State::idle:
            case State::reading:
                next = read_head();
                break;
            case State::working:
                next = work();
                break;
            case State::lingering:
                next = linger();
                break;
            case State::dead:
                advancing_ = false;
                return;
        }
        if (next == Next::wait && !advance_again_) {
            break;
        }
        if (steps == kStepsPerTurn) {
            again();
            break;
        }
    }
    advancing_ = false;
}

Connection::Next Connection::shake_hands() {
    const net::IoResult result = stream_->handshake();
    if (result.status == net::IoStatus::ok) {
        service_->handshake_ended(tls_->resumed() ? Handshake::resumed : Handshake::full);
        enter_idle();
        return Next::again;
    }
    if (result.status != net::IoStatus::again || deadline_.passed()) {
        service_->handshake_ended(Handshake::failed);
        close_cleanly();  // the alert is on its way
        return Next::again;
    }
    return Next::wait;
}

void Connection::enter_idle() {
    state_ = State::idle;
    scan_ = {};
    parked_ = false;
    deadline_.arm(std::min(kParkAfter, service_->settings().idle_timeout));
}

void Connection::follow_service() {
    while (service_->retired()) {
        const auto successor = service_->successor();
        if (successor == nullptr) {
            draining_ = true;
            return;
        }
        successor->connection_opened();
        service_->connection_closed();
        service_ = successor;
    }
}

Connection::Next Connection::read_head() {
    if (input_.empty()) {
        fill();
    }
    if (input_.empty()) {
        input_.release();
        if (client_left_ || draining_ || (deadline_.passed() && parked_)) {
            close_cleanly();
            return Next::again;
        }
        if (deadline_.passed()) {
            // Only now: a client that goes on at once would pay for new buffers with each request.
            parked_ = true;
            stream_->free_buffers();
            const auto rest = service_->settings().idle_timeout - kParkAfter;
            deadline_.arm(std::max(rest, Milliseconds(1)));
        }
        return Next::wait;
    }
    if (state_ == State::idle) {
        follow_service();
        if (draining_ && service_->retired()) {
            close_cleanly();
            return Next::again;
        }
        state_ = State::reading;
        deadline_.arm(service_->settings().header_timeout);
    }
    auto& head = worker_.head_scratch();
    const auto taken =
        http::parse_request_head(input_.view(), service_->settings().head, scan_, head);
    if (!taken) {
        refuse(taken.error());
        return Next::again;
    }
    if (*taken != 0) {
        start(head, *taken);
        return Next::again;
    }
    if (fill() == net::IoStatus::ok) {
        return Next::again;
    }
    if (client_left_) {
        close_cleanly();
        return Next::again;
    }
    if (deadline_.passed()) {
        refuse(Error{"the head took too long", 0, ErrorCode::timed_out, Side::client});
        return Next::again;
    }
    return Next::wait;
}

void Connection::start(const http::RequestHead& head, std::size_t head_bytes) {
    state_ = State::working;
    scan_ = {};
    deadline_.disarm();
    transaction_ = service_->make_transaction(*this);
    // The views of the head stay valid while the bytes lie where they are: consuming moves nothing.
    input_.consume(head_bytes);
    transaction_->begin(head);
}

void Connection::refuse(const Error& error) {
    state_ = State::working;
    scan_ = {};
    deadline_.disarm();
    transaction_ = service_->make_transaction(*this);
    transaction_->reject(error);
}

Connection::Next Connection::work() {
    transaction_->advance();
    if (!transaction_->finished()) {
        return Next::wait;
    }
    const bool keeps = transaction_->keeps_connection() && !draining_ && !client_left_;
    transaction_.reset();
    deadline_.disarm();
    if (!keeps) {
        close_cleanly();
        return Next::again;
    }
    input_.release_if_empty();
    enter_idle();
    return Next::again;
}

net::IoStatus Connection::fill() {
    const auto room = input_.space();
    if (room.empty()) {
        return net::IoStatus::again;
    }
    const net::IoResult got = stream_->read(room);
    if (got.status == net::IoStatus::ok) {
        input_.commit(got.bytes);
    } else if (got.status != net::IoStatus::again) {
        client_left_ = true;
    }
    input_.release_if_empty();
    return got.status;
}

X509* Connection::certificate() const {
    return tls_ == nullptr ? nullptr : tls_->certificate();
}

STACK_OF(X509) * Connection::certificate_chain() const {
    return tls_ == nullptr ? nullptr : tls_->certificate_chain();
}

void Connection::again() {
    worker_.advance_next_turn(*this);
}

void Connection::look_for_hang_up() {
    socket_->probe();
}

void Connection::park() {
    socket_->probe();
    input_.release_if_empty();
    stream_->free_buffers();
}

void Connection::drain() {
    draining_ = true;
    if (state_ == State::idle) {
        advance();
    }
}

void Connection::close_cleanly() {
    socket_->push();
    if (client_left_ && socket_->hung_up() && !socket_->holds_back()) {
        // It has taken or given up all that we sent, and a goodbye would only be answered with a
        // reset.
        notes_.reset();
        die();
        return;
    }
    stream_->shutdown();
    input_.release();
    notes_.reset();
    state_ = State::lingering;
    says_last_words_ = socket_->holds_back();
    deadline_.arm(says_last_words_ ? service_->settings().write_timeout : kLinger);
}

Connection::Next Connection::linger() {
    // A close with unread bytes would reset the connection and could destroy an answer on its way.
    // Below TLS: nobody reads it.
    std::array<char, 16 * 1024> dropped;
    bool over = false;
    while (!over) {
        const net::IoResult got = socket_->read(dropped);
        if (got.status == net::IoStatus::again) {
            break;
        }
        lingered_bytes_ += static_cast<std::uint32_t>(got.bytes);
        if (got.status != net::IoStatus::ok || lingered_bytes_ > kLingerBytes) {
            over = true;
        }
    }
    if (says_last_words_ && !socket_->holds_back()) {
        says_last_words_ = false;
        deadline_.arm(kLinger);
    }
    if ((over && !says_last_words_) || deadline_.passed()) {
        die();
    }
    return Next::wait;
}

void Connection::die() {
    state_ = State::dead;
    deadline_.disarm();
    worker_.bury(*this);
}

}  // namespace eg::server
