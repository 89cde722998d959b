#include "proxy/net/tls_wire.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

constexpr unsigned kGrowAfter = 4;  // writes that the socket took whole

TlsWire& wire_of(BIO* bio) {
    return *static_cast<TlsWire*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* out, int length) {
    BIO_clear_retry_flags(bio);
    const IoResult got = wire_of(bio).receive({out, static_cast<std::size_t>(length)});
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
    const IoResult sent = wire_of(bio).send({in, static_cast<std::size_t>(length)});
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

const BIO_METHOD* wire_method() {
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

}  // namespace

Cork& Cork::of_thread() {
    thread_local Cork made;
    return made;
}

bool Cork::has_room(std::size_t records) const {
    return std::min(records, kMostRecords) * kSealedBytes - used >= kSealedBytes;
}

bool Cork::add(std::string_view piece) {
    if (piece.size() > bytes.size() - used) {
        return false;
    }
    std::copy(piece.begin(), piece.end(), bytes.data() + used);
    used += piece.size();
    return true;
}

std::string_view Cork::take() {
    return {bytes.data(), std::exchange(used, 0)};
}

IoResult Inbox::fill(Socket& socket) {
    if (memory_ == nullptr) {
        memory_.reset(static_cast<char*>(OPENSSL_malloc(kBytes)));
        if (memory_ == nullptr) {
            return {.status = IoStatus::error, .sys_errno = ENOMEM};
        }
    }
    if (begin_ != 0) {
        std::copy(memory_.get() + begin_, memory_.get() + end_, memory_.get());
        end_ -= std::exchange(begin_, 0);
    }
    const IoResult got = socket.read({memory_.get() + end_, kBytes - end_});
    if (got.status == IoStatus::ok) {
        end_ += static_cast<std::uint32_t>(got.bytes);
    }
    return got;
}

void Inbox::release_if_empty() {
    if (empty()) {
        memory_.reset();
        begin_ = end_ = 0;
    }
}

IoResult TlsWire::receive(std::span<char> into) {
    if (inbox.empty()) {
        if (!reads_ahead) {
            return socket.read(into);
        }
        const IoResult got = inbox.fill(socket);
        if (got.status != IoStatus::ok) {
            return got;
        }
    }
    const auto came = inbox.bytes();
    const std::size_t count = std::min(came.size(), into.size());
    std::copy_n(came.data(), count, into.data());
    inbox.consume(count);
    return {.status = IoStatus::ok, .bytes = count};
}

IoResult TlsWire::send(std::string_view piece) {
    const IoResult all{.status = IoStatus::ok, .bytes = piece.size()};
    if (corked) {
        // With SSL_MODE_ENABLE_PARTIAL_WRITE a call of SSL_write seals one record, and there was
        // room for it.
        EG_CHECK(Cork::of_thread().add(piece));
        return all;
    }
    if (defers) {
        defer(piece);
        return all;
    }
    return unsent.empty() ? socket.write({&piece, 1}) : send_with(piece);
}

// Part of a flight: it leaves with the rest of it. Kept in the cork, for on the heap it would leave
// a hole between what stays of the connection.
void TlsWire::defer(std::string_view piece) {
    if (!Cork::of_thread().add(piece)) {  // certificates without end
        keep_corked();
        unsent.insert(unsent.end(), piece.begin(), piece.end());
    }
}

IoResult TlsWire::flush_deferred() {
    Cork& cork = Cork::of_thread();
    if (cork.used == 0 || !unsent.empty()) {
        keep_corked();
        return flush();
    }
    const std::string_view piece = cork.take();
    const IoResult sent = socket.write({&piece, 1});
    if (sent.status == IoStatus::error || sent.bytes == piece.size()) {
        return sent;
    }
    unsent.assign(piece.begin() + static_cast<std::ptrdiff_t>(sent.bytes), piece.end());
    return {};
}

IoResult TlsWire::uncork(std::size_t total, std::size_t last) {
    corked = false;
    const std::array<std::string_view, 2> pieces{
        {{unsent.data(), unsent.size()}, Cork::of_thread().take()}};
    const auto& [earlier, piece] = pieces;
    const IoResult sent = socket.write(earlier.empty() ? std::span(pieces).subspan(1) : pieces);
    if (sent.status == IoStatus::error) {
        return sent;
    }
    const std::size_t gone = sent.status == IoStatus::ok ? sent.bytes : 0;
    const std::size_t of_earlier = std::min(gone, earlier.size());
    if (gone == earlier.size() + piece.size()) {
        unsent.clear();
        unsent.shrink_to_fit();
        if (ahead < Cork::kMostRecords && ++whole_writes % kGrowAfter == 0) {
            ++ahead;
        }
        return {.status = IoStatus::ok, .bytes = total};
    }
    ahead = 1;
    whole_writes = 0;
    // The last record counts as written when the socket has taken all of it: whoever has written
    // everything may go away.
    unsent.erase(unsent.begin(), unsent.begin() + static_cast<std::ptrdiff_t>(of_earlier));
    unsent.insert(unsent.end(), piece.begin() + static_cast<std::ptrdiff_t>(gone - of_earlier),
                  piece.end());
    held_back = last;
    return total == last ? IoResult{} : IoResult{.status = IoStatus::ok, .bytes = total - last};
}

void TlsWire::keep_corked() {
    const std::string_view piece = Cork::of_thread().take();
    unsent.insert(unsent.end(), piece.begin(), piece.end());
}

IoResult TlsWire::send_with(std::string_view piece) {
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

IoResult TlsWire::flush() {
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

BIO* new_wire_bio(TlsWire& wire) {
    BIO* bio = BIO_new(wire_method());
    EG_CHECK(bio != nullptr);
    BIO_set_data(bio, &wire);
    return bio;
}

}  // namespace eg::net
