/// A Stream that is just the socket.
#pragma once

#include "proxy/net/stream.h"

namespace eg::net {

class PlainStream final : public Stream {
  public:
    PlainStream(Loop& loop, int fd, Advancing& owner) : socket_(loop, fd, owner) {}
    IoResult handshake() override { return {.status = IoStatus::ok}; }
    IoResult read(std::span<char> into) override { return socket_.read(into); }
    IoResult write(std::span<const std::string_view> pieces) override {
        return socket_.write(pieces);
    }
    void shutdown() override { socket_.shutdown_write(); }
    void free_buffers() override {}
    [[nodiscard]] Socket& socket() { return socket_; }

  private:
    Socket socket_;
};

}  // namespace eg::net
