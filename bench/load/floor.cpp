// The floor of the bench: moves the bytes of requests and answers between TLS clients and an
// upstream with epoll and OpenSSL, and does nothing else: no rules about framing, no rewriting, no
// device table, no time limits, no logs. Not a product; what a proxy costs above it is what the
// proxy does. `floor --port P --upstream Q [--upstream-tls 1] [--refuse 1] --certificate FILE --key
// FILE`

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "bench/load/arguments.h"
#include "bench/load/http.h"
#include "bench/load/net.h"

namespace {

using namespace eg::bench;

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::string_view kRefusal =
    "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nForbidden\n";

class Pair;

struct Shared {
    Poller poller;
    std::uint16_t upstream_port = 0;
    ContextPtr server_tls;
    ContextPtr client_tls;  // null: plain upstream
    TicketPtr ticket;       // newest of the upstream
    bool refuses = false;
    std::vector<std::unique_ptr<class Side>> idle_upstreams;
    std::vector<Pair*> dead;
};

/// One connection of a pair: what came in on it and how far the message on it is.
class Side final : public Handler {
  public:
    Side(Shared& shared, int fd, SslPtr ssl) : link(fd, std::move(ssl)), shared_(shared) {
        shared_.poller.add(fd, *this, EPOLLIN);
    }
    ~Side() override { shared_.poller.forget(*this); }
    void ready(std::uint32_t events) override;
    void want(std::uint32_t wanted) {
        if (wanted != events_) {
            events_ = wanted;
            shared_.poller.change(link.fd(), *this, wanted);
        }
    }

    Link link;
    Pair* pair = nullptr;
    std::string waiting;     // bytes that must still be written to this side
    std::string partial;     // of a head that came in here
    std::uint64_t left = 0;  // of the body that comes in here
    bool in_message = false;
    bool shaken = false;

  private:
    Shared& shared_;
    std::uint32_t events_ = EPOLLIN;
};

class Pair {
  public:
    Pair(Shared& shared, int fd, SslPtr ssl)
        : shared_(shared), client_(shared, fd, std::move(ssl)) {
        client_.pair = this;
    }

    void ready(Side& side) {
        if (!advance(side) && !dead_) {
            dead_ = true;
            shared_.dead.push_back(this);
        }
    }

  private:
    /// False: the pair is over.
    bool advance(Side& side) {
        if (!side.shaken) {
            const Io io = side.link.handshake();
            if (io != Io::ok) {
                return io == Io::again;
            }
            side.shaken = true;
            side.want(EPOLLIN);
        }
        Side* other = &side == &client_ ? upstream_.get() : &client_;
        if (!side.waiting.empty()) {
            if (!flush(side)) {
                return false;
            }
            if (!side.waiting.empty()) {
                return true;
            }
            if (other != nullptr) {
                other->want(EPOLLIN);
                if (!read(*other)) {
                    return false;
                }
            }
            return true;
        }
        return read(side);
    }

    bool flush(Side& side) {
        std::size_t done = 0;
        while (done < side.waiting.size()) {
            const Moved sent = side.link.write(std::string_view(side.waiting).substr(done));
            if (sent.io == Io::closed) {
                return false;
            }
            if (sent.io == Io::again) {
                break;
            }
            done += sent.bytes;
        }
        side.waiting.erase(0, done);
        side.want(side.waiting.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
        return true;
    }

    bool read(Side& side) {
        static std::array<char, kBufferBytes> buffer;
        do {
            const Moved got = side.link.read(buffer);
            if (got.io == Io::again) {
                return true;
            }
            if (got.io == Io::closed || !take(side, {buffer.data(), got.bytes})) {
                return false;
            }
            if (&side != &client_ && &side != upstream_.get()) {
                return true;  // it is idle now and belongs to nobody
            }
            const Side* other = &side == &client_ ? upstream_.get() : &client_;
            if (other != nullptr && !other->waiting.empty()) {
                return true;  // the other side is full
            }
        } while (side.link.pending());
        return true;
    }

    bool take(Side& side, std::string_view bytes) {
        bool holds = false;
        std::string whole;
        if (!side.in_message) {
            if (!side.partial.empty()) {
                whole = std::move(side.partial) + std::string(bytes);
                side.partial.clear();
                bytes = whole;
            }
            const auto head = read_head(bytes);
            if (!head) {
                side.partial = bytes;
                return true;
            }
            side.left = head->bytes + head->length;
            side.in_message = true;
            holds = head->holds;
        }
        if (bytes.size() > side.left) {
            return false;
        }
        side.left -= bytes.size();
        side.in_message = side.left != 0;
        const bool from_client = &side == &client_;
        if (from_client && shared_.refuses) {
            return side.in_message || give(client_, kRefusal);
        }
        if (from_client && upstream_ == nullptr && !take_upstream()) {
            return false;
        }
        Side& other = from_client ? *upstream_ : client_;
        if (!give(other, bytes)) {
            return false;
        }
        if (holds) {
            client_.link.free_buffers();
            upstream_->link.free_buffers();
        }
        if (!from_client && !side.in_message) {
            upstream_->pair = nullptr;
            upstream_->want(EPOLLIN);  // it was told to wait if the client is full
            shared_.idle_upstreams.push_back(std::move(upstream_));
        }
        return true;
    }

    /// Writes, and keeps what doesn't go.
    bool give(Side& side, std::string_view bytes) {
        while (side.shaken && !bytes.empty()) {
            const Moved sent = side.link.write(bytes);
            if (sent.io == Io::closed) {
                return false;
            }
            if (sent.io == Io::again) {
                break;
            }
            bytes.remove_prefix(sent.bytes);
        }
        if (!bytes.empty()) {
            side.waiting += bytes;
            side.want(EPOLLIN | EPOLLOUT);
            Side* other = &side == &client_ ? upstream_.get() : &client_;
            if (other != nullptr) {
                other->want(0);
            }
        }
        return true;
    }

    bool take_upstream() {
        if (!shared_.idle_upstreams.empty()) {
            upstream_ = std::move(shared_.idle_upstreams.back());
            shared_.idle_upstreams.pop_back();
            upstream_->pair = this;
            return true;
        }
        const int fd = connect_to(shared_.upstream_port);
        if (fd < 0) {
            return false;
        }
        SslPtr ssl;
        if (shared_.client_tls != nullptr) {
            ssl.reset(SSL_new(shared_.client_tls.get()));
            SSL_set_connect_state(ssl.get());
            SSL_set_ex_data(ssl.get(), 0, &shared_);
            if (shared_.ticket != nullptr) {
                SSL_set_session(ssl.get(), shared_.ticket.get());
            }
        }
        upstream_ = std::make_unique<Side>(shared_, fd, std::move(ssl));
        upstream_->pair = this;
        upstream_->want(EPOLLIN | EPOLLOUT);
        return true;
    }

    Shared& shared_;
    Side client_;
    std::unique_ptr<Side> upstream_;
    bool dead_ = false;
};

void Side::ready(std::uint32_t) {
    if (pair != nullptr) {
        pair->ready(*this);
        return;
    }
    // An idle upstream connection that says something: its end, or a ticket.
    std::array<char, 512> dropped;
    if (link.read(dropped).io != Io::again) {
        std::erase_if(shared_.idle_upstreams,
                      [this](const auto& side) { return side.get() == this; });
    }
}

class Door final : public Handler {
  public:
    Door(Shared& shared, std::uint16_t port) : shared_(shared), fd_(listen_on(port)) {
        shared_.poller.add(fd_, *this, EPOLLIN);
    }
    void ready(std::uint32_t) override {
        for (int fd = accept_from(fd_); fd >= 0; fd = accept_from(fd_)) {
            SslPtr ssl(SSL_new(shared_.server_tls.get()));
            SSL_set_accept_state(ssl.get());
            new Pair(shared_, fd, std::move(ssl));  // buried by the loop
        }
    }

  private:
    Shared& shared_;
    int fd_;
};

int on_ticket(SSL* ssl, SSL_SESSION* ticket) {
    static_cast<Shared*>(SSL_get_ex_data(ssl, 0))->ticket.reset(ticket);
    return 1;
}

}  // namespace

int main(int count, char** values) {
    const Arguments arguments(
        count, values,
        {"--port", "--upstream", "--upstream-tls", "--refuse", "--certificate", "--key"});
    prepare_process();
    Shared shared;
    shared.server_tls = server_context(arguments.text("--certificate"), arguments.text("--key"));
    shared.upstream_port = static_cast<std::uint16_t>(arguments.number("--upstream"));
    shared.refuses = arguments.number("--refuse") != 0;
    if (arguments.number("--upstream-tls") != 0) {
        shared.client_tls = client_context("1.3");
        SSL_CTX_set_session_cache_mode(shared.client_tls.get(),
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(shared.client_tls.get(), on_ticket);
    }
    Door door(shared, static_cast<std::uint16_t>(arguments.number("--port")));
    fmt::print("ready\n");
    std::fflush(stdout);
    for (;;) {
        shared.poller.turn(-1);
        for (Pair* pair : shared.dead) {
            delete pair;
        }
        shared.dead.clear();
    }
}
