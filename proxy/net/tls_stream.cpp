#include "proxy/net/tls_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "proxy/net/tls_wire.h"

namespace eg::net {

namespace {

// SSL_get_error() needs an empty queue. It nearly always is, and looking costs a twentieth of
// emptying it.
void forget_errors() {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

}  // namespace

TlsStream::TlsStream(Loop& loop, int fd, Advancing& owner, SslPtr ssl)
    : socket_(loop, fd, owner), ssl_(std::move(ssl)) {
    BIO* bio = new_wire_bio(socket_);
    SSL_set_bio(ssl_.get(), bio, bio);  // SSL_free frees it
}

IoResult TlsStream::handshake() {
    TlsWire& wire = wire_of(ssl_.get());
    // A whole flight leaves at once.
    wire.defers = true;
    forget_errors();
    const int result = SSL_do_handshake(ssl_.get());
    const IoResult end = result == 1 ? IoResult{.status = IoStatus::ok} : outcome(result);
    wire.defers = false;
    // Of a server of TLS 1.3 the last thing is a ticket, which nobody waits for: it leaves with the
    // first answer, or when nothing more is at hand.
    const bool only_ticket =
        result == 1 && SSL_is_server(ssl_.get()) == 1 && SSL_version(ssl_.get()) == TLS1_3_VERSION;
    if (only_ticket) {
        wire.keep_corked();
        return end;
    }
    const IoResult sent = wire.flush_deferred();  // an alert too
    if (end.status == IoStatus::error || sent.status == IoStatus::ok) {
        return end;
    }
    broken_ |= sent.status == IoStatus::error;
    return sent;
}

IoResult TlsStream::read(std::span<char> into) {
    // Nothing new in the socket and nothing left of what came before: OpenSSL would only find that
    // out the long way.
    if (!socket_.readable() && !broken_ && SSL_get_shutdown(ssl_.get()) == 0 &&
        SSL_has_pending(ssl_.get()) == 0) {
        flush_rest();
        return {};
    }
    std::size_t total = 0;
    // One record a call; several may have come with one read of the socket.
    while (total < into.size()) {
        forget_errors();
        const std::size_t room = std::min<std::size_t>(into.size() - total, 1U << 30);
        const int got = SSL_read(ssl_.get(), into.data() + total, static_cast<int>(room));
        if (got <= 0) {
            const IoResult end = outcome(got);  // remembers a failure even if bytes come first
            if (total == 0) {
                flush_rest();
            }
            return total != 0 ? IoResult{.status = IoStatus::ok, .bytes = total} : end;
        }
        total += static_cast<std::size_t>(got);
        if (!socket_.readable() && SSL_has_pending(ssl_.get()) == 0) {
            break;
        }
    }
    return {.status = IoStatus::ok, .bytes = total};
}

namespace {

// Goes over the pieces of a write, a record at a time.
class Cursor {
  public:
    explicit Cursor(std::span<const std::string_view> pieces) : pieces_(pieces) {}

    // Small pieces share a record: one seal, one system call. The copy is at most a record.
    [[nodiscard]] std::string_view record() {
        thread_local std::array<char, kRecordBytes> gathered;
        while (next_ < pieces_.size() && rest().empty()) {
            ++next_;
            offset_ = 0;
        }
        if (next_ == pieces_.size()) {
            return {};
        }
        if (rest().size() >= kRecordBytes || next_ + 1 == pieces_.size()) {
            return rest().substr(0, kRecordBytes);
        }
        std::size_t used = 0;
        std::string_view part = rest();
        for (std::size_t i = next_; used < kRecordBytes;) {
            part = part.substr(0, kRecordBytes - used);
            std::copy(part.begin(), part.end(), gathered.data() + used);
            used += part.size();
            if (++i == pieces_.size()) {
                break;
            }
            part = pieces_[i];
        }
        return {gathered.data(), used};
    }

    void advance(std::size_t bytes) {
        while (bytes != 0) {
            const std::size_t step = std::min(bytes, rest().size());
            offset_ += step;
            bytes -= step;
            if (rest().empty()) {
                ++next_;
                offset_ = 0;
            }
        }
    }

  private:
    [[nodiscard]] std::string_view rest() const { return pieces_[next_].substr(offset_); }
    std::span<const std::string_view> pieces_;
    std::size_t next_ = 0;
    std::size_t offset_ = 0;  // in pieces_[next_]
};

}  // namespace

IoResult TlsStream::write(std::span<const std::string_view> pieces) {
    TlsWire& wire = wire_of(ssl_.get());
    std::size_t offered = 0;
    for (const auto& piece : pieces) {
        offered += piece.size();
    }
    const bool many = offered > kRecordBytes;
    // What is unsent goes first; together with a single record, before many.
    if (wire.held_back != 0 || (many && !wire.unsent.empty())) {
        const IoResult sent = wire.flush();
        if (sent.status != IoStatus::ok) {
            broken_ |= sent.status == IoStatus::error;
            return sent;
        }
        if (wire.held_back != 0) {
            return {.status = IoStatus::ok, .bytes = std::exchange(wire.held_back, 0)};
        }
    }
    wire.corked = many;
    std::size_t total = 0;
    std::size_t last = 0;
    Cursor cursor(pieces);
    do {
        const std::string_view record = cursor.record();
        if (record.empty()) {
            break;
        }
        forget_errors();
        const int sent = SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
        if (sent <= 0) {
            if (total == 0) {
                wire.corked = false;
                wire.keep_corked();  // an alert, or a record of OpenSSL's own
                return outcome(sent);
            }
            break;  // the next call finds it out
        }
        last = static_cast<std::size_t>(sent);
        total += last;
        cursor.advance(last);
    } while (wire.corked && Cork::of_thread().has_room(wire.ahead));
    if (!wire.corked) {
        return {.status = IoStatus::ok, .bytes = total};
    }
    const IoResult sent = wire.uncork(total, last);
    broken_ |= sent.status == IoStatus::error;
    return sent;
}

void TlsStream::shutdown() {
    const bool is_open = !broken_ && SSL_is_init_finished(ssl_.get()) == 1;
    TlsWire& wire = wire_of(ssl_.get());
    if (!is_open || wire.flush().status != IoStatus::ok) {
        socket_.shutdown_write();
        return;
    }
    wire.defers = true;
    forget_errors();
    SSL_shutdown(ssl_.get());
    forget_errors();
    wire.defers = false;
    socket_.shutdown_write(Cork::of_thread().take());
}

std::size_t TlsStream::unsent() const {
    return wire_of(ssl_.get()).unsent.size();
}

void TlsStream::flush_rest() {
    TlsWire& wire = wire_of(ssl_.get());
    if (!wire.unsent.empty()) {
        broken_ |= wire.flush().status == IoStatus::error;
    }
}

void TlsStream::free_buffers() {
    flush_rest();
    SSL_free_buffers(ssl_.get());
}

std::string TlsStream::last_failure() {
    std::array<char, 200> text{};
    const unsigned long code = ERR_peek_error();
    if (code == 0) {
        return "the peer closed the connection";
    }
    const char* reason = ERR_reason_error_string(code);
    if (reason != nullptr) {
        return reason;
    }
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

IoResult TlsStream::outcome(int result) {
    const int sys_errno = errno;
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return {};
        case SSL_ERROR_ZERO_RETURN:
            return {.status = IoStatus::eof};
        case SSL_ERROR_SYSCALL:
            broken_ = true;
            return {.status = IoStatus::error, .sys_errno = sys_errno};
        default:
            broken_ = true;
            // A stream cut off without close_notify must not pass for a whole one.
            return {.status = IoStatus::error, .sys_errno = EPROTO};
    }
}

}  // namespace eg::net
