#include "proxy/net/tls_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;
constexpr std::size_t kMostOverhead = 512;  // of a sealed record
constexpr std::size_t kCorkedRecords = 5;   // a full buffer of ours
constexpr unsigned kGrowAfter = 4;          // writes that the socket took whole

// Where records wait for those that are sealed after them, so that all leave in one system call.
// Of the thread, and empty between two calls of TlsStream::write.
struct Cork {
    std::array<char, kCorkedRecords*(kRecordBytes + kMostOverhead)> bytes;
    std::size_t used = 0;
    [[nodiscard]] bool has_room(std::size_t records) const {
        return std::min(records * (kRecordBytes + kMostOverhead), bytes.size()) - used >=
               kRecordBytes + kMostOverhead;
    }
};

Cork& cork() {
    thread_local Cork made;
    return made;
}

// The BIO between OpenSSL and our Socket. It lets Socket decide whether a system call can do
// anything, and sends without SIGPIPE.
struct Wire {
    explicit Wire(Socket& connected) : socket(connected) {}
    Socket& socket;
    std::vector<char> unsent;   // sealed, and the socket took no more
    std::size_t held_back = 0;  // plain bytes at the end of `unsent` that weren't reported written
    // How many records may be sealed before the socket is asked: one after it took less than it was
    // given, then one more each kGrowAfter writes that it took whole. So a slow reader holds a
    // record or two that are sealed, not a buffer full of them, and a fast one pays no more calls.
    std::size_t ahead = kCorkedRecords;
    unsigned whole_writes = 0;
    bool corked = false;
    bool defers = false;  // what is sealed now leaves with what comes next: see handshake()

    // Part of a flight: it leaves with the rest of it. Kept in the cork, for on the heap it would
    // leave a hole between what stays of the connection.
    void defer(std::string_view piece) {
        if (piece.size() > cork().bytes.size() - cork().used) {  // certificates without end
            keep(std::exchange(cork().used, 0));
            unsent.insert(unsent.end(), piece.begin(), piece.end());
            return;
        }
        std::copy(piece.begin(), piece.end(), cork().bytes.data() + cork().used);
        cork().used += piece.size();
    }

    // What was deferred leaves; ok when nothing is left.
    IoResult flush_deferred() {
        const std::string_view piece(cork().bytes.data(), std::exchange(cork().used, 0));
        if (piece.empty() || !unsent.empty()) {
            keep(piece.size());
            return flush();
        }
        const IoResult sent = socket.write({&piece, 1});
        if (sent.status == IoStatus::error || sent.bytes == piece.size()) {
            return sent;
        }
        unsent.assign(piece.begin() + static_cast<std::ptrdiff_t>(sent.bytes), piece.end());
        return {};
    }

    // Takes what the cork holds of this connection: it leaves with the next flush.
    void keep(std::size_t bytes) {
        unsent.insert(unsent.end(), cork().bytes.data(), cork().bytes.data() + bytes);
    }

    // Sends what is unsent, and `piece` behind it. The bytes of `piece` that went; `again` if none
    // did.
    IoResult send_with(std::string_view piece) {
        const std::array<std::string_view, 2> both{{{unsent.data(), unsent.size()}, piece}};
        const IoResult sent = socket.write(both);
        if (sent.status != IoStatus::ok) {
            return sent;
        }
        const std::size_t first = std::min(sent.bytes, unsent.size());
        unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(first));
        if (unsent.empty()) {
            unsent.shrink_to_fit();
        }
        return sent.bytes == first ? IoResult{}
                                   : IoResult{.status = IoStatus::ok, .bytes = sent.bytes - first};
    }

    // Sends what is unsent; ok when nothing is left.
    IoResult flush() {
        while (!unsent.empty()) {
            const std::string_view piece(unsent.data(), unsent.size());
            const IoResult sent = socket.write({&piece, 1});
            if (sent.status != IoStatus::ok) {
                return sent;
            }
            unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(sent.bytes));
        }
        unsent.shrink_to_fit();
        return {.status = IoStatus::ok};
    }
};

Wire& wire_of(BIO* bio) {
    return *static_cast<Wire*>(BIO_get_data(bio));
}

Wire& wire_of(SSL* ssl) {
    return wire_of(SSL_get_wbio(ssl));
}

int bio_read(BIO* bio, char* out, int length) {
    BIO_clear_retry_flags(bio);
    const IoResult got = wire_of(bio).socket.read({out, static_cast<std::size_t>(length)});
    switch (got.status) {
        case IoStatus::ok:
            return static_cast<int>(got.bytes);
        case IoStatus::again:
            BIO_set_retry_read(bio);
            return -1;
        case IoStatus::eof:
            return 0;
        case IoStatus::error:
            errno = got.sys_errno;
            return -1;
    }
    return -1;
}

int bio_write(BIO* bio, const char* in, int length) {
    BIO_clear_retry_flags(bio);
    Wire& wire = wire_of(bio);
    const std::string_view piece(in, static_cast<std::size_t>(length));
    if (wire.corked) {
        // A call of SSL_write seals one record, and there was room for it.
        EG_CHECK(piece.size() <= cork().bytes.size() - cork().used);
        std::copy(piece.begin(), piece.end(), cork().bytes.data() + cork().used);
        cork().used += piece.size();
        return length;
    }
    if (wire.defers) {
        wire.defer(piece);
        return length;
    }
    const IoResult sent =
        wire.unsent.empty() ? wire.socket.write({&piece, 1}) : wire.send_with(piece);
    if (sent.status == IoStatus::ok) {
        return static_cast<int>(sent.bytes);
    }
    if (sent.status == IoStatus::again) {
        BIO_set_retry_write(bio);
    } else {
        errno = sent.sys_errno;
    }
    return -1;
}

long bio_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

int bio_destroy(BIO* bio) {
    delete static_cast<Wire*>(BIO_get_data(bio));
    return 1;
}

const BIO_METHOD* socket_bio() {
    static BIO_METHOD* const kMethod = [] {
        BIO_METHOD* method =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "easgate socket");
        EG_CHECK(method != nullptr);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_control);
        BIO_meth_set_create(method, bio_create);
        BIO_meth_set_destroy(method, bio_destroy);
        return method;
    }();
    return kMethod;
}

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
    BIO* bio = BIO_new(socket_bio());
    EG_CHECK(bio != nullptr);
    BIO_set_data(bio, new Wire(socket_));  // freed with the BIO, by SSL_free
    SSL_set_bio(ssl_.get(), bio, bio);
}

IoResult TlsStream::handshake() {
    Wire& wire = wire_of(ssl_.get());
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
        wire.keep(std::exchange(cork().used, 0));
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

// What has been corked leaves. `total` and `last`: plain bytes in all, and of the last record.
IoResult uncork(Wire& wire, std::size_t total, std::size_t last) {
    wire.corked = false;
    Cork& full = cork();
    const std::string_view piece(full.bytes.data(), std::exchange(full.used, 0));
    const IoResult sent = wire.socket.write({&piece, 1});
    if (sent.status == IoStatus::error) {
        return sent;
    }
    const std::size_t gone = sent.status == IoStatus::ok ? sent.bytes : 0;
    if (gone == piece.size()) {
        if (wire.ahead < kCorkedRecords && ++wire.whole_writes % kGrowAfter == 0) {
            ++wire.ahead;
        }
        return {.status = IoStatus::ok, .bytes = total};
    }
    wire.ahead = 1;
    wire.whole_writes = 0;
    // The last record counts as written when the socket has taken all of it: whoever has written
    // everything may go away.
    wire.unsent.assign(piece.begin() + static_cast<std::ptrdiff_t>(gone), piece.end());
    wire.held_back = last;
    return total == last ? IoResult{} : IoResult{.status = IoStatus::ok, .bytes = total - last};
}

}  // namespace

IoResult TlsStream::write(std::span<const std::string_view> pieces) {
    Wire& wire = wire_of(ssl_.get());
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
                wire.keep(std::exchange(cork().used, 0));  // an alert, or a record of OpenSSL's own
                return outcome(sent);
            }
            break;  // the next call finds it out
        }
        last = static_cast<std::size_t>(sent);
        total += last;
        cursor.advance(last);
    } while (wire.corked && cork().has_room(wire.ahead));
    if (!wire.corked) {
        return {.status = IoStatus::ok, .bytes = total};
    }
    const IoResult sent = uncork(wire, total, last);
    broken_ |= sent.status == IoStatus::error;
    return sent;
}

void TlsStream::shutdown() {
    const bool is_open = !broken_ && SSL_is_init_finished(ssl_.get()) == 1;
    if (is_open && wire_of(ssl_.get()).flush().status == IoStatus::ok) {
        forget_errors();
        SSL_shutdown(ssl_.get());
        forget_errors();
    }
    socket_.shutdown_write();
}

std::size_t TlsStream::unsent() const {
    return wire_of(ssl_.get()).unsent.size();
}

void TlsStream::flush_rest() {
    Wire& wire = wire_of(ssl_.get());
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
