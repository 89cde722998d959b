#include "proxy/gate/relay.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/http/write.h"

namespace eg::gate {

namespace {

constexpr int kRoundsPerTurn = 32;  // of at most a buffer each, before others get their turn

}  // namespace

void Relay::start(net::Buffer head, http::Framing framing, Side side, bool chunked) {
    head_ = std::move(head);
    reader_ = http::BodyReader(framing, side);
    chunked_ = chunked;
    is_request_ = side == Side::client;
    pending_[0] = head_.view();
    pending_bytes_ = static_cast<std::uint32_t>(head_.size());
}

Relay::Status Relay::pump(net::Stream& source, net::Buffer& input, net::Stream& sink) {
    if (status_ >= Status::done) {
        return status_;
    }
    for (int round = 0; round < kRoundsPerTurn; ++round) {
        // The first piece of a body joins the head, so that both leave in one write.
        if (consumed_ == 0 && !ended_) {
            take_piece(input);
        }
        if (status_ >= Status::done) {
            return status_;
        }
        const Step step = write_pending(sink);
        if (step == Step::failed) {
            return status_ = Status::sink_failed;
        }
        if (step == Step::blocked) {
            return status_ = Status::wait_sink;
        }
        settle(input);
        if (ended_) {
            return status_ = Status::done;
        }
        if (!input.empty() && take_piece(input)) {
            continue;
        }
        if (status_ >= Status::done || !read_more(source, input)) {
            return status_;
        }
    }
    return status_ = Status::yield;
}

bool Relay::take_piece(net::Buffer& input) {
    while (!ended_) {
        const auto piece = reader_.next(input.view().substr(consumed_));
        if (!piece) {
            status_ = Status::malformed;
            return false;
        }
        consumed_ += static_cast<std::uint32_t>(piece->consumed);
        taken_ += piece->data.size();
        if (most_ != 0 && taken_ > most_) {
            status_ = Status::too_large;
            return false;
        }
        ended_ = reader_.done();
        if (ended_ || !piece->data.empty()) {
            frame(piece->data);
            return true;
        }
        if (piece->consumed == 0 || consumed_ == input.size()) {
            return false;
        }
    }
    return false;
}

void Relay::frame(std::string_view data) {
    if (chunked_ && !data.empty()) {
        const auto digits = http::write_chunk_size(data.size(), chunk_size_);
        pending_[1] = {chunk_size_.data(), digits};
        pending_[3] = "\r\n";
    }
    pending_[2] = data;
    if (ended_) {
        pending_[4] = chunked_ ? http::kLastChunk : std::string_view();
        // Whole in the buffer from the start: kept there, so that it can be sent again.
        whole_ = is_request_ && !started_ && !chunked_;
        body_ = data;
    }
    pending_bytes_ = 0;
    for (const auto& part : pending_) {
        pending_bytes_ += static_cast<std::uint32_t>(part.size());
    }
}

Relay::Step Relay::write_pending(net::Stream& sink) {
    while (pending_bytes_ != 0) {
        const net::IoResult result = sink.write(pending_);
        if (result.status == net::IoStatus::again) {
            return Step::blocked;
        }
        if (result.status != net::IoStatus::ok) {
            failure_ = result;
            return Step::failed;
        }
        started_ = true;
        written_ += result.bytes;
        pending_bytes_ -= static_cast<std::uint32_t>(result.bytes);
        std::size_t left = result.bytes;
        for (auto& part : pending_) {
            const std::size_t gone = std::min(left, part.size());
            part.remove_prefix(gone);
            left -= gone;
        }
    }
    return Step::progressed;
}

void Relay::settle(net::Buffer& input) {
    if (whole_ && !released_) {
        return;
    }
    pending_ = {};
    head_.release();
    input.consume(consumed_);
    consumed_ = 0;
}

bool Relay::read_more(net::Stream& source, net::Buffer& input) {
    const auto room = input.space();
    EG_CHECK(!room.empty());
    const net::IoResult got = source.read(room);
    switch (got.status) {
        case net::IoStatus::ok:
            input.commit(got.bytes);
            return true;
        case net::IoStatus::again:
            input.release_if_empty();
            status_ = Status::wait_source;
            return false;
        case net::IoStatus::eof:
            if (reader_.end_of_stream()) {
                ended_ = true;
                pending_[4] = chunked_ ? http::kLastChunk : std::string_view();
                pending_bytes_ = static_cast<std::uint32_t>(pending_[4].size());
                return true;
            }
            status_ = Status::source_ended;
            return false;
        case net::IoStatus::error:
            failure_ = got;
            status_ = Status::source_failed;
            return false;
    }
    return false;
}

void Relay::rewind() {
    EG_CHECK(can_rewind());
    // head_ and the input still hold everything; the framing needs no second reading.
    pending_ = {};
    pending_[0] = head_.view();
    pending_[2] = body_;
    pending_bytes_ = static_cast<std::uint32_t>(pending_[0].size() + pending_[2].size());
    started_ = false;
    status_ = Status::wait_source;
}

void Relay::release(net::Buffer& input) {
    if (!whole_ || released_) {
        return;
    }
    released_ = true;
    if (pending_bytes_ == 0) {
        settle(input);
    }
}

}  // namespace eg::gate
