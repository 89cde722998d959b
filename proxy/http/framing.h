/// How long a body is, and taking it apart (RFC 9112 6 and 7). No copy: pieces are views of the
/// input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::http {

struct Framing {
    enum class Kind : std::uint8_t {
        none,         // no body at all
        length,       // Content-Length
        chunked,      // Transfer-Encoding: chunked
        until_close,  // answers only
    };
    Kind kind = Kind::none;
    std::uint64_t length = 0;  // of Kind::length
};

/// The framing of a request. Refuses both length fields together, repeated or odd lengths (even
/// equal ones), any transfer coding but exactly `chunked`, any transfer coding in HTTP/1.0.
[[nodiscard]] Result<Framing> request_framing(const RequestHead& head);

/// The framing of a final answer (not 1xx) to a request of `method`. 204 and 304 and answers to
/// HEAD have no body whatever their fields say, but the fields are held to the same strictness. A
/// 204 with a transfer coding, or with a length other than 0, is refused (RFC 9110 8.6, RFC
/// 9112 6.1).
[[nodiscard]] Result<Framing> response_framing(const ResponseHead& head, Method method);

/// Takes a body off a stream piece by piece. Chunk sizes are 1 to 8 hexadecimal digits, extensions
/// and odd line ends are refused, trailers are checked as fields are, held to 8 KiB, and dropped.
/// After an error it must not be used again.
class BodyReader {
  public:
    BodyReader() = default;
    BodyReader(Framing framing, Side side);

    struct Piece {
        std::size_t consumed = 0;  // bytes of the input used up, framing included
        std::string_view data;     // body bytes, part of what was consumed; may be empty
    };
    /// Takes framing bytes and at most one run of body bytes from the start of `input`. A piece
    /// that consumed nothing means: more input is needed, or done().
    [[nodiscard]] Result<Piece> next(std::string_view input);

    /// The stream ended. Right for until_close and for a body that is done; else `closed`.
    [[nodiscard]] Result<void> end_of_stream();

    [[nodiscard]] bool done() const { return state_ == State::done; }
    /// Body bytes still to come where that is known: Kind::length only, else 0.
    [[nodiscard]] std::uint64_t remaining() const;

  private:
    enum class State : std::uint8_t {
        done,
        length,
        until_close,
        chunk_size,
        chunk_size_lf,
        chunk_data,
        chunk_data_cr,
        chunk_data_lf,
        trailer_line,
        trailer_name,
        trailer_value,
        trailer_lf,
        trailer_end_lf,
    };
    /// Takes one byte of chunk framing; an error text if it may not stand here.
    const char* take_framing(char c);
    const char* take_size(char c);
    const char* take_trailer(char c);
    const char* expect(char c, char wanted, State then);
    [[nodiscard]] bool in_data() const;

    std::uint64_t left_ = 0;           // of the body (length) or the chunk
    std::uint16_t trailer_bytes_ = 0;  // so far, at most kMostTrailerBytes
    std::uint8_t digits_ = 0;          // of the chunk size
    State state_ = State::done;
    Side side_ = Side::client;
};
static_assert(sizeof(BodyReader) <= 24);

}  // namespace eg::http
