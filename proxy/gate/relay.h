/// One direction of a transaction: body bytes from one stream to the other, with framing and
/// back-pressure.
///
/// Nothing is read while what was read before can't be written, so memory stays at one buffer
/// however large the body and however slow the reader. No body byte is copied: pieces are written
/// from where they were read.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/http/framing.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"

namespace eg::gate {

class Relay {
  public:
    enum class Status : std::uint8_t {
        wait_source,    // nothing to read now
        wait_sink,      // the other side takes nothing now
        yield,          // did its share of this turn; call again
        done,           // everything is written
        source_ended,   // too early
        source_failed,  // the source's stream broke
        sink_failed,    // the other side's stream broke
        malformed,      // the body's framing is wrong
        too_large,      // the body is longer than set_most() allows
    };

    explicit Relay(net::BufferPool& pool) : head_(pool) {}

    /// `head`: what goes out first. `side`: who sends the body. `chunked`: it is framed in chunks
    /// of ours; else it goes as it is. A request that lies whole in the input stays there for
    /// rewind().
    void start(net::Buffer head, http::Framing framing, Side side, bool chunked);

    /// The largest body in bytes; 0 = any. A longer one is never written to its end.
    void set_most(std::uint64_t bytes) { most_ = bytes; }

    /// `source`: where to read more into `input`, which holds what was read already.
    [[nodiscard]] Status pump(net::Stream& source, net::Buffer& input, net::Stream& sink);

    [[nodiscard]] bool done() const { return status_ == Status::done; }
    [[nodiscard]] bool sink_failed() const { return status_ == Status::sink_failed; }
    [[nodiscard]] bool started() const { return started_; }
    /// Head and body bytes written.
    [[nodiscard]] std::uint64_t written() const { return written_; }
    /// Body bytes taken from the source.
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    [[nodiscard]] const net::IoResult& failure() const { return failure_; }

    /// Whether rewind() is possible.
    [[nodiscard]] bool can_rewind() const { return whole_ && !released_; }
    void rewind();
    /// Lets go of what was kept for rewind().
    void release(net::Buffer& input);

  private:
    enum class Step : std::uint8_t { progressed, blocked, failed };
    Step write_pending(net::Stream& sink);
    /// Makes the next piece of `input` pending; false if there is none.
    bool take_piece(net::Buffer& input);
    /// What leaves for a piece of the body, and at its end.
    void frame(std::string_view data);
    bool read_more(net::Stream& source, net::Buffer& input);
    void settle(net::Buffer& input);

    net::Buffer head_;
    http::BodyReader reader_;
    std::array<std::string_view, 5> pending_;  // head, chunk size, data, chunk end, last chunk
    std::string_view body_;                    // of a whole request, for rewind()
    std::array<char, 18> chunk_size_;
    std::uint64_t written_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t most_ = 0;
    std::uint32_t consumed_ = 0;  // of the input, once pending_ is written
    std::uint32_t pending_bytes_ = 0;
    net::IoResult failure_;
    Status status_ = Status::wait_source;
    bool chunked_ = false;
    bool ended_ = false;    // the last piece is pending or written
    bool started_ = false;  // bytes have gone out
    bool is_request_ = false;
    bool whole_ = false;
    bool released_ = false;
};

}  // namespace eg::gate
