#include "proxy/net/tls_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

// The BIO between OpenSSL and our Socket. It lets Socket decide whether a system call can do
// anything, and sends without SIGPIPE.
Socket& socket_of(BIO* bio) {
    return *static_cast<Socket*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* out, int length) {
    BIO_clear_retry_flags(bio);
    const IoResult got = socket_of(bio).read({out, static_cast<std::size_t>(length)});
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
    const std::string_view piece(in, static_cast<std::size_t>(length));
    const IoResult sent = socket_of(bio).write({&piece, 1});
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

const BIO_METHOD* socket_bio() {
    static BIO_METHOD* const kMethod = [] {
        BIO_METHOD* method =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "easgate socket");
        EG_CHECK(method != nullptr);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_control);
        BIO_meth_set_create(method, bio_create);
        return method;
    }();
    return kMethod;
}

constexpr std::size_t kRecordBytes = 16 * 1024;

}  // namespace

TlsStream::TlsStream(Loop& loop, int fd, Advancing& owner, SslPtr ssl)
    : socket_(loop, fd, owner), ssl_(std::move(ssl)) {
    BIO* bio = BIO_new(socket_bio());
    EG_CHECK(bio != nullptr);
    BIO_set_data(bio, &socket_);
    SSL_set_bio(ssl_.get(), bio, bio);
}

IoResult TlsStream::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    return result == 1 ? IoResult{.status = IoStatus::ok} : outcome(result);
}

IoResult TlsStream::read(std::span<char> into) {
    std::size_t total = 0;
    // One record a call; several may have come with one read of the socket.
    while (total < into.size()) {
        ERR_clear_error();
        const std::size_t room = std::min<std::size_t>(into.size() - total, 1U << 30);
        const int got = SSL_read(ssl_.get(), into.data() + total, static_cast<int>(room));
        if (got <= 0) {
            return total != 0 ? IoResult{.status = IoStatus::ok, .bytes = total} : outcome(got);
        }
        total += static_cast<std::size_t>(got);
        if (!socket_.readable() && SSL_has_pending(ssl_.get()) == 0) {
            break;
        }
    }
    return {.status = IoStatus::ok, .bytes = total};
}

IoResult TlsStream::write(std::span<const std::string_view> pieces) {
    // Small pieces share a record: one seal, one system call. The copy is at most a record.
    thread_local std::array<char, kRecordBytes> gathered;
    std::size_t total = 0;
    std::size_t next = 0;
    while (next < pieces.size()) {
        std::string_view record = pieces[next];
        if (next + 1 < pieces.size() && record.size() < kRecordBytes) {
            std::size_t used = 0;
            std::size_t last = next;
            while (last < pieces.size() && used < kRecordBytes) {
                const std::size_t part = std::min(pieces[last].size(), kRecordBytes - used);
                std::copy_n(pieces[last].data(), part, gathered.data() + used);
                used += part;
                ++last;
                if (part < pieces[last - 1].size()) {
                    break;
                }
            }
            record = {gathered.data(), used};
            next = last;
        } else {
            ++next;
        }
        if (record.empty()) {
            continue;
        }
        ERR_clear_error();
        const int sent = SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
        if (sent <= 0) {
            return total != 0 ? IoResult{.status = IoStatus::ok, .bytes = total} : outcome(sent);
        }
        total += static_cast<std::size_t>(sent);
        // A part only (one record of a long piece, or of pieces cut at a record): the caller comes
        // again with the rest.
        if (next == pieces.size() && static_cast<std::size_t>(sent) == record.size()) {
            break;
        }
        return {.status = IoStatus::ok, .bytes = total};
    }
    return {.status = IoStatus::ok, .bytes = total};
}

void TlsStream::shutdown() {
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
    socket_.shutdown_write();
}

void TlsStream::free_buffers() {
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
