/// Non-blocking bytes over a socket, plain or TLS. One owner; never used from two threads.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/net/socket.h"

namespace eg::net {

class Stream {
  public:
    virtual ~Stream() = default;
    /// Goes on with the handshake: ok = done (at once for plain streams), again, or error.
    [[nodiscard]] virtual IoResult handshake() = 0;
    /// Reads what is there, at most `into`.
    [[nodiscard]] virtual IoResult read(std::span<char> into) = 0;
    /// Writes the pieces in their order, as few system calls as it can; may take only a part. After
    /// `again` the next call must offer the same bytes first (they may lie elsewhere).
    [[nodiscard]] virtual IoResult write(std::span<const std::string_view> pieces) = 0;
    /// Says goodbye in the protocol of the stream (close_notify) and ends our side of it.
    virtual void shutdown() = 0;
    /// Gives back what memory it can while nothing moves.
    virtual void free_buffers() = 0;
};

}  // namespace eg::net
