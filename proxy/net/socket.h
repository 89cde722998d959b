/// A connected descriptor, registered once with a loop for its whole life: edge-triggered, both
/// ways.
///
/// It remembers what the kernel last said, so that a read or a write that can't do anything costs
/// no system call, and nothing is probed: a short read means that the descriptor is empty until the
/// next edge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <event2/event_struct.h>

#include "proxy/base/error.h"
#include "proxy/net/loop.h"

namespace eg::net {

enum class IoStatus : std::uint8_t {
    ok,     // some bytes moved
    again,  // nothing now; the owner is advanced when that changes
    eof,    // the peer sends no more
    error,
};

struct IoResult {
    IoStatus status = IoStatus::again;
    std::size_t bytes = 0;
    int sys_errno = 0;
};

class Socket {
  public:
    /// Takes over `fd`, which must be non-blocking.
    Socket(Loop& loop, int fd, Advancing& owner);
    ~Socket();
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    [[nodiscard]] IoResult read(std::span<char> into);
    /// Sends the pieces in one system call: now, or, a few bytes that answer what was just read,
    /// with those of others at the end of the loop's turn. They count as sent then; if they can't
    /// be, the stream ends, which the owner is told.
    [[nodiscard]] IoResult write(std::span<const std::string_view> pieces);
    /// What waits for the end of the turn leaves now.
    void push();
    /// Sends `last` behind all that counts as sent, and ends our side of the stream.
    void shutdown_write(std::string_view last = {});

    /// Asks the kernel whether the peer is gone, whatever was known: before a long wait. A reset
    /// that came together with bytes is reported as readable and writable, no more, and the short
    /// read of those bytes would hide it. Sets hung_up(). Cost: a system call.
    void probe();

    [[nodiscard]] bool readable() const { return readable_; }
    [[nodiscard]] bool hung_up() const { return hung_up_; }
    /// Bytes that count as sent wait until the kernel takes them.
    [[nodiscard]] bool holds_back() const { return held_back_ != nullptr; }
    /// The next read asks the kernel, whatever was said last.
    void look_again() { readable_ = true; }
    [[nodiscard]] int fd() const { return fd_; }

    /// The error of a connect() that is under way: 0 = connected.
    [[nodiscard]] int connect_error() const;
    /// Whether the kernel has reported anything since the socket was made (a connect is over).
    [[nodiscard]] bool was_woken() const { return woken_; }

  private:
    friend class Outbox;
    static void on_event(int fd, short what, void* self) noexcept;
    IoResult send_now(std::span<const std::string_view> pieces);
    IoResult send_one(std::string_view piece);
    /// From the outbox: sends what counts as sent.
    void deliver(std::string_view bytes);
    void deliver_held_back();
    /// What a system call that returned `count` for `of` bytes means.
    IoResult sent(std::ptrdiff_t count, std::size_t of);
    Loop& loop_;
    Advancing& owner_;
    event event_{};
    std::unique_ptr<std::string>
        held_back_;  // what the kernel didn't take of a delivery; mostly null
    int fd_;
    bool readable_ = true;
    bool writable_ = true;
    bool hung_up_ =
        false;  // the peer's end is (half) closed: read on until eof, whatever a short read says
    bool woken_ = false;
    bool heard_ = true;  // the peer has said something since we wrote: it takes what we write
    bool in_outbox_ = false;
    bool ends_ = false;  // our side of the stream, once nothing is held back
};

}  // namespace eg::net
