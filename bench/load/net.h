/// Sockets, TLS and epoll for the bench's programs: as little as possible between them and the
/// kernel, because the load shares a core with the upstream and the floor is what others are
/// compared with. One thread; level-triggered; everything on 127.0.0.1.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

namespace eg::bench {

/// Called when its descriptor is ready. Must outlive its place in the Poller.
class Handler {
  public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;
    virtual void ready(std::uint32_t events) = 0;
};

class Poller {
  public:
    Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;
    ~Poller();

    void add(int fd, Handler& handler, std::uint32_t events) const;
    void change(int fd, Handler& handler, std::uint32_t events) const;
    /// The handler is about to die or to close its descriptor: events of this turn don't reach it.
    void forget(const Handler& handler);
    /// One turn; -1 waits for ever.
    void turn(int wait_ms);

  private:
    int fd_;
    std::vector<epoll_event> events_;
    std::size_t count_ = 0;
};

enum class Io : std::uint8_t { ok, again, closed };

struct Moved {
    Io io = Io::again;
    std::size_t bytes = 0;
};

struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL_SESSION* ticket) const { SSL_SESSION_free(ticket); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using ContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
using TicketPtr = std::unique_ptr<SSL_SESSION, SslFree>;

/// A connected socket, through TLS where it was given an SSL. Owns both; closes on destruction.
class Link {
  public:
    Link(int fd, SslPtr ssl);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link();

    /// Ends the handshake; `ok` at once without TLS.
    Io handshake();
    /// One read of the socket at most; may give less than there is. A second call is due only while
    /// `pending()`.
    Moved read(std::span<char> into);
    Moved write(std::string_view bytes);
    [[nodiscard]] bool pending() const;
    void free_buffers();
    /// close_notify, so that the other side sees a clean end.
    void say_goodbye();
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] SSL* ssl() { return ssl_.get(); }

  private:
    Moved outcome(int result);
    int fd_;
    SslPtr ssl_;
};

/// Listening socket on 127.0.0.1, non-blocking.
int listen_on(std::uint16_t port);
/// Non-blocking connect to 127.0.0.1; -1 if it failed at once.
int connect_to(std::uint16_t port);
/// Next connection, non-blocking and without Nagle's delay; -1 if there is none.
int accept_from(int listener);

ContextPtr server_context(const std::string& certificate, const std::string& key);
/// Verifies nothing: what is measured is the server.
ContextPtr client_context(std::string_view version);

/// Lifts the soft limit of descriptors to the hard one and ignores SIGPIPE.
void prepare_process();
/// Monotonic clock.
std::uint64_t now_ns();

}  // namespace eg::bench
