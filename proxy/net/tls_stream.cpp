#include "proxy/net/tls_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>

namespace eg::net {

namespace {

static_assert(TlsRecords::kMostSealed <= Cork::kSealedBytes);

// SSL_get_error() needs an empty queue. It nearly always is, and looking costs a twentieth of
// emptying it.
void forget_errors() {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

}  // namespace

TlsStream::TlsStream(Loop& loop, int fd, Advancing& owner, SslPtr ssl, RecordLayer records)
    : socket_(loop, fd, owner), wire_(socket_), ssl_(std::move(ssl)) {
    BIO* bio = new_wire_bio(wire_);
    SSL_set_bio(ssl_.get(), bio, bio);  // SSL_free frees it
    if (records == RecordLayer::own) {
        handover_ = std::make_unique<TlsHandover>(ssl_.get());
        wire_.reads_ahead = true;
    }
}

IoResult TlsStream::handshake() {
    // A whole flight leaves at once.
    wire_.defers = true;
    forget_errors();
    const int result =
        handover_ == nullptr ? SSL_do_handshake(ssl_.get()) : handover_->shake_hands(ssl_.get());
    const IoResult end = result == 1 ? IoResult{.status = IoStatus::ok} : outcome(result);
    wire_.defers = false;
    wire_.inbox.release_if_empty();
    // Of a server of TLS 1.3 the last thing is a ticket, which nobody waits for: it leaves with the
    // first answer, or when nothing more is at hand.
    const bool only_ticket =
        result == 1 && SSL_is_server(ssl_.get()) == 1 && SSL_version(ssl_.get()) == TLS1_3_VERSION;
    if (handover_ != nullptr && result == 1) {
        take_over();
    }
    if (only_ticket) {
        wire_.keep_corked();
        return end;
    }
    const IoResult sent = wire_.flush_deferred();  // an alert too
    if (end.status == IoStatus::error || sent.status == IoStatus::ok) {
        return end;
    }
    broken_ |= sent.status == IoStatus::error;
    return sent;
}

void TlsStream::take_over() {
    records_ = handover_->finish(ssl_.get(), Cork::of_thread().view());
    handover_.reset();
    wire_.reads_ahead = false;
    if (records_ != nullptr) {
        peer_ = TlsPeer::of(ssl_.get());
        resumed_ = SSL_session_reused(ssl_.get()) == 1;
        ssl_.reset();
    }
}

bool TlsStream::resumed() const {
    return ssl_ == nullptr ? resumed_ : SSL_session_reused(ssl_.get()) == 1;
}

X509* TlsStream::certificate() const {
    if (ssl_ != nullptr) {
        return SSL_get0_peer_certificate(ssl_.get());
    }
    return peer_ == nullptr ? nullptr : peer_->certificate();
}

STACK_OF(X509) * TlsStream::certificate_chain() const {
    if (ssl_ != nullptr) {
        return SSL_get_peer_cert_chain(ssl_.get());
    }
    return peer_ == nullptr ? nullptr : peer_->chain();
}

IoResult TlsStream::read(std::span<char> into) {
    const IoResult got = records_ != nullptr ? read_records(into) : read_by_openssl(into);
    wire_.inbox.release_if_empty();
    return got;
}

IoResult TlsStream::read_records(std::span<char> into) {
    if (broken_) {
        return {.status = IoStatus::error, .sys_errno = EPROTO};
    }
    std::size_t total = 0;
    IoResult came;
    for (;;) {
        if (!wire_.inbox.empty()) {
            const auto opened = records_->open(wire_.inbox.bytes(), into.subspan(total));
            wire_.inbox.consume(opened.used);
            total += opened.bytes;
        }
        if (total == into.size() || records_->state() != TlsRecords::State::open ||
            !socket_.readable()) {
            break;
        }
        came = wire_.inbox.fill(socket_);
        if (came.status != IoStatus::ok) {
            break;
        }
    }
    if (total != 0) {
        return {.status = IoStatus::ok, .bytes = total};  // the next call finds out the rest
    }
    switch (records_->state()) {
        case TlsRecords::State::closed:
            return {.status = IoStatus::eof};
        case TlsRecords::State::broken:
            return abort(records_->alert());
        case TlsRecords::State::aborted:
            return broken_off(EPROTO);
        case TlsRecords::State::open:
            break;
    }
    if (came.status == IoStatus::eof) {
        // A stream cut off without close_notify must not pass for a whole one.
        return broken_off(EPROTO);
    }
    if (came.status == IoStatus::error) {
        return broken_off(came.sys_errno);
    }
    flush_rest();
    return {};
}

IoResult TlsStream::broken_off(int sys_errno) {
    broken_ = true;
    return {.status = IoStatus::error, .sys_errno = sys_errno};
}

IoResult TlsStream::abort(AlertDescription why) {
    Cork& cork = Cork::of_thread();
    cork.commit(records_->seal_alert(why, cork.room()));
    wire_.keep_corked();
    flush_rest();
    return broken_off(EPROTO);
}

IoResult TlsStream::read_by_openssl(std::span<char> into) {
    // Nothing new in the socket and nothing left of what came before: OpenSSL would only find that
    // out the long way.
    if (!socket_.readable() && !broken_ && SSL_get_shutdown(ssl_.get()) == 0 &&
        wire_.inbox.empty() && SSL_has_pending(ssl_.get()) == 0) {
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
        if (!socket_.readable() && SSL_has_pending(ssl_.get()) == 0 && wire_.inbox.empty()) {
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

IoResult TlsStream::seal(std::string_view record) {
    if (records_ == nullptr) {
        forget_errors();
        const int sent = SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
        return sent > 0 ? IoResult{.status = IoStatus::ok, .bytes = static_cast<std::size_t>(sent)}
                        : outcome(sent);
    }
    Cork& cork = Cork::of_thread();
    const std::size_t sealed = broken_ ? 0 : records_->seal(record, cork.room());
    cork.commit(sealed);
    return sealed == 0 ? broken_off(EPROTO)
                       : IoResult{.status = IoStatus::ok, .bytes = record.size()};
}

IoResult TlsStream::write(std::span<const std::string_view> pieces) {
    std::size_t offered = 0;
    for (const auto& piece : pieces) {
        offered += piece.size();
    }
    // OpenSSL's single record leaves from where it was sealed.
    const bool corks = records_ != nullptr || offered > kRecordBytes;
    if (wire_.held_back != 0) {
        const IoResult sent = wire_.flush();
        if (sent.status != IoStatus::ok) {
            broken_ |= sent.status == IoStatus::error;
            return sent;
        }
        return {.status = IoStatus::ok, .bytes = std::exchange(wire_.held_back, 0)};
    }
    wire_.corked = corks;
    std::size_t total = 0;
    std::size_t last = 0;
    Cursor cursor(pieces);
    do {
        const std::string_view record = cursor.record();
        if (record.empty()) {
            break;
        }
        const IoResult sealed = seal(record);
        if (sealed.status != IoStatus::ok) {
            if (total == 0) {
                wire_.corked = false;
                wire_.keep_corked();  // an alert, or a record of OpenSSL's own
                return sealed;
            }
            break;  // the next call finds it out
        }
        last = sealed.bytes;
        total += last;
        cursor.advance(last);
    } while (corks && Cork::of_thread().has_room(wire_.ahead));
    if (!corks) {
        return {.status = IoStatus::ok, .bytes = total};
    }
    const IoResult sent = wire_.uncork(total, last);
    broken_ |= sent.status == IoStatus::error;
    return sent;
}

void TlsStream::shutdown() {
    const bool is_open = !broken_ && (records_ != nullptr || SSL_is_init_finished(ssl_.get()) == 1);
    if (!is_open || wire_.flush().status != IoStatus::ok) {
        socket_.shutdown_write();
        return;
    }
    Cork& cork = Cork::of_thread();
    if (records_ != nullptr) {
        cork.commit(records_->seal_alert(AlertDescription::close_notify, cork.room()));
    } else {
        wire_.defers = true;
        forget_errors();
        SSL_shutdown(ssl_.get());
        forget_errors();
        wire_.defers = false;
    }
    socket_.shutdown_write(cork.take());
}

void TlsStream::flush_rest() {
    if (!wire_.unsent.empty()) {
        broken_ |= wire_.flush().status == IoStatus::error;
    }
}

void TlsStream::free_buffers() {
    flush_rest();
    if (records_ != nullptr) {
        records_->free_ciphers();
    } else {
        SSL_free_buffers(ssl_.get());
    }
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
