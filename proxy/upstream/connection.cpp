#include "proxy/upstream/connection.h"

#include "proxy/upstream/pool.h"

namespace eg::upstream {

UpstreamConnection::UpstreamConnection(Pool& pool, net::Loop& loop, net::BufferPool& buffers)
    : pool_(pool), input_(buffers), idle_(loop.wheel(), *this) {}

void UpstreamConnection::advance() {
    if (user_ != nullptr) {
        user_->advance();
    } else {
        pool_.woken_while_idle(*this);
    }
}

net::Connector::Progress UpstreamConnection::connect() {
    if (stream_ != nullptr) {
        return net::Connector::Progress::ready;
    }
    const auto progress = connector_->step();
    if (progress == net::Connector::Progress::ready) {
        socket_ = &connector_->socket();
        stream_ = connector_->take_stream();
        connector_.reset();
    }
    return progress;
}

net::IoResult UpstreamConnection::fill() {
    const auto room = input_.space();
    if (room.empty()) {
        return {};
    }
    const net::IoResult got = stream_->read(room);
    if (got.status == net::IoStatus::ok) {
        input_.commit(got.bytes);
    }
    input_.release_if_empty();
    return got;
}

void UpstreamConnection::park() {
    input_.release_if_empty();
    stream_->free_buffers();
}

void UpstreamConnection::rest() {
    user_ = nullptr;
    reused_ = true;
    input_.release_if_empty();
}

}  // namespace eg::upstream
