/// A listening socket of one worker. Every worker binds the same address (SO_REUSEPORT); the kernel
/// spreads connections over them.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "proxy/base/ip.h"
#include "proxy/net/loop.h"

struct event;

namespace eg::net {

/// Binds and listens; the descriptor is non-blocking. Errors: a sentence with the address and the
/// reason.
[[nodiscard]] std::expected<int, std::string> bind_listener(const SocketAddress& address);
/// The same for a Unix socket; an old socket file that nobody listens on is replaced; mode 0600.
[[nodiscard]] std::expected<int, std::string> bind_unix_listener(const std::string& path);

/// Accepts connections and hands their descriptors (non-blocking) over. Pauses when descriptors run
/// out, or when asked to, and goes on by itself; what waits, waits in the kernel.
class Listener final : public Advancing {
  public:
    using Accept = std::function<void(int fd, const SocketAddress& peer)>;
    /// Takes over `fd`. `may_accept` is asked before each accept; false pauses.
    Listener(Loop& loop, int fd, SocketAddress address, std::function<bool()> may_accept,
             Accept accept);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    [[nodiscard]] const SocketAddress& address() const { return address_; }
    [[nodiscard]] std::uint64_t pauses() const { return pauses_; }
    void advance() override;

  private:
    static void on_readable(int fd, short what, void* self) noexcept;
    void pause();
    Loop& loop_;
    int fd_;
    SocketAddress address_;
    std::function<bool()> may_accept_;
    Accept accept_;
    event* event_;
    Deadline resume_;
    std::uint64_t pauses_ = 0;
    bool paused_ = false;
};

}  // namespace eg::net
