/// Small writes of one turn of a loop, which leave together at its end.
///
/// A peer on the same machine is woken by the first of them and finds the others when it comes to
/// them; sent one by one while other events are dealt with, each would wake it anew, which costs
/// more than the rest of the system call (bench/README.md).
///
/// Thread: its loop's.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace eg::net {

class Socket;

class Outbox {
  public:
    static constexpr std::size_t kMostWrites = 32;  // then they leave: nobody waits for long
    static constexpr std::size_t kMostEvents = 32;  // likewise, while others write nothing, or more
    static constexpr std::size_t kMostBytes = 4096;  // of one write; larger ones go at once

    /// From now until close() writes are taken.
    void open() { is_open_ = true; }
    /// Sends all that is here, and takes no more.
    void close();
    /// Sends all that is here.
    void flush();
    /// An event has been dealt with.
    void event_passed() {
        if (count_ != 0 && ++events_ >= kMostEvents) {
            flush();
        }
    }
    /// Copies a write of `total` bytes. False: it must be sent at once. At most one of a socket is
    /// here.
    [[nodiscard]] bool take(Socket& socket, std::span<const std::string_view> pieces,
                            std::size_t total);
    /// Sends now what is here of `socket`.
    void deliver(const Socket& socket);

  private:
    struct Write {
        Socket* socket = nullptr;  // null: sent already
        std::string_view bytes;    // in bytes_
    };

    std::size_t count_ = 0;
    std::size_t used_ = 0;    // of bytes_
    std::size_t events_ = 0;  // that passed while something was here
    bool is_open_ = false;
    std::array<Write, kMostWrites> writes_{};
    std::array<char, 8 * kMostBytes> bytes_;
};

}  // namespace eg::net
