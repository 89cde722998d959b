#include "proxy/net/outbox.h"

#include <algorithm>
#include <utility>

#include "proxy/net/socket.h"

namespace eg::net {

bool Outbox::take(Socket& socket, std::span<const std::string_view> pieces, std::size_t total) {
    if (!is_open_ || total > kMostBytes) {
        return false;
    }
    if (count_ == kMostWrites || total > bytes_.size() - used_) {
        flush();
    }
    char* const begin = bytes_.data() + used_;
    char* end = begin;
    for (const auto& piece : pieces) {
        end = std::copy(piece.begin(), piece.end(), end);
    }
    used_ += total;
    writes_[count_++] = {.socket = &socket, .bytes = {begin, total}};
    return true;
}

void Outbox::deliver(const Socket& socket) {
    for (std::size_t i = 0; i < count_; ++i) {
        if (writes_[i].socket == &socket) {
            std::exchange(writes_[i].socket, nullptr)->deliver(writes_[i].bytes);
            return;
        }
    }
}

void Outbox::flush() {
    for (std::size_t i = 0; i < count_; ++i) {
        if (Socket* socket = writes_[i].socket; socket != nullptr) {
            socket->deliver(writes_[i].bytes);
        }
    }
    count_ = 0;
    used_ = 0;
    events_ = 0;
}

void Outbox::close() {
    flush();
    is_open_ = false;
}

}  // namespace eg::net
