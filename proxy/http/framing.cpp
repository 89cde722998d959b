#include "proxy/http/framing.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/http/chars.h"

namespace eg::http {

namespace {

constexpr std::size_t kMostLengthDigits = 18;  // can't overflow 64 bits, signed or not
constexpr std::uint8_t kMostSizeDigits = 8;
constexpr std::uint16_t kMostTrailerBytes = 8 * 1024;

// RFC 9112 6.1 to 6.3 with every leniency left out: what one field says must be all that is said.
// Kind::none if neither field is there.
Result<Framing> declared_framing(const Fields& fields, unsigned minor_version, Side side) {
    const Field* length = nullptr;
    const Field* coding = nullptr;
    for (const Field& field : fields) {
        if (field.id == FieldName::content_length || field.id == FieldName::transfer_encoding) {
            const Field*& seen = field.id == FieldName::content_length ? length : coding;
            if (seen != nullptr) {
                return fail(ErrorCode::malformed, side, "repeated length field");
            }
            seen = &field;
        }
    }
    if (length != nullptr && coding != nullptr) {
        return fail(ErrorCode::malformed, side, "both length fields");
    }
    if (coding != nullptr) {
        if (minor_version != 1 || !iequals(coding->value, "chunked")) {
            return fail(ErrorCode::malformed, side, "bad Transfer-Encoding");
        }
        return Framing{.kind = Framing::Kind::chunked, .length = 0};
    }
    if (length != nullptr) {
        const std::string_view digits = length->value;
        const auto number = parse_unsigned(digits);
        if (!number || digits.size() > kMostLengthDigits ||
            (digits.size() > 1 && digits.front() == '0')) {
            return fail(ErrorCode::malformed, side, "bad Content-Length");
        }
        return Framing{.kind = Framing::Kind::length, .length = *number};
    }
    return Framing{};
}

}  // namespace

Result<Framing> request_framing(const RequestHead& head) {
    return declared_framing(head.fields, head.minor_version, Side::client);
}

Result<Framing> response_framing(const ResponseHead& head, Method method) {
    const auto declared = declared_framing(head.fields, head.minor_version, Side::upstream);
    if (!declared) {
        return declared;
    }
    const Framing::Kind kind = declared->kind;
    const bool never_has_body = head.status < 200 || head.status == 204;
    if (never_has_body && (kind == Framing::Kind::chunked || declared->length != 0)) {
        return fail(ErrorCode::malformed, Side::upstream, "a body where none can be");
    }
    if (never_has_body || head.status == 304 || method == Method::head) {
        return Framing{};
    }
    if (kind == Framing::Kind::none) {
        return Framing{.kind = Framing::Kind::until_close, .length = 0};
    }
    return declared;
}

BodyReader::BodyReader(Framing framing, Side side) : side_(side) {
    switch (framing.kind) {
        case Framing::Kind::none:
            break;
        case Framing::Kind::length:
            left_ = framing.length;
            state_ = left_ == 0 ? State::done : State::length;
            break;
        case Framing::Kind::chunked:
            state_ = State::chunk_size;
            break;
        case Framing::Kind::until_close:
            state_ = State::until_close;
            break;
    }
}

bool BodyReader::in_data() const {
    return state_ == State::length || state_ == State::chunk_data || state_ == State::until_close;
}

Result<BodyReader::Piece> BodyReader::next(std::string_view input) {
    Piece piece;
    while (piece.consumed < input.size() && state_ != State::done && !in_data()) {
        if (const char* what = take_framing(input[piece.consumed]); what != nullptr) {
            const bool full = trailer_bytes_ > kMostTrailerBytes;
            return fail(full ? ErrorCode::too_large : ErrorCode::malformed, side_, what);
        }
        ++piece.consumed;
    }
    if (state_ == State::done || !in_data()) {
        return piece;
    }
    piece.data = input.substr(piece.consumed);
    if (state_ != State::until_close) {
        piece.data = piece.data.substr(0, left_);
        left_ -= piece.data.size();
        if (left_ == 0) {
            state_ = state_ == State::length ? State::done : State::chunk_data_cr;
        }
    }
    piece.consumed += piece.data.size();
    return piece;
}

const char* BodyReader::expect(char c, char wanted, State then) {
    if (c != wanted) {
        return "bad line end in a chunked body";
    }
    state_ = then;
    return nullptr;
}

// RFC 9112 7.1, without chunk extensions.
const char* BodyReader::take_framing(char c) {
    switch (state_) {
        case State::chunk_size:
            return take_size(c);
        case State::chunk_size_lf:
            digits_ = 0;
            return expect(c, '\n', left_ == 0 ? State::trailer_line : State::chunk_data);
        case State::chunk_data_cr:
            return expect(c, '\r', State::chunk_data_lf);
        case State::chunk_data_lf:
            return expect(c, '\n', State::chunk_size);
        case State::done:
        case State::length:
        case State::until_close:
        case State::chunk_data:
            return nullptr;
        default:
            return take_trailer(c);
    }
}

const char* BodyReader::take_size(char c) {
    const int digit = hex_value(c);
    if (digit < 0) {
        return digits_ == 0 ? "bad chunk size" : expect(c, '\r', State::chunk_size_lf);
    }
    if (digits_ == kMostSizeDigits) {
        return "chunk size too long";
    }
    ++digits_;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return nullptr;
}

const char* BodyReader::take_trailer(char c) {
    if (++trailer_bytes_ > kMostTrailerBytes) {
        return "trailers too long";
    }
    switch (state_) {
        case State::trailer_line:
            if (c == '\r') {
                state_ = State::trailer_end_lf;
                return nullptr;
            }
            state_ = State::trailer_name;
            return is_in(kTokenChar, c) ? nullptr : "bad trailer";
        case State::trailer_name:
            if (c == ':') {
                state_ = State::trailer_value;
                return nullptr;
            }
            return is_in(kTokenChar, c) ? nullptr : "bad trailer";
        case State::trailer_value:
            return is_in(kValueChar, c) ? nullptr : expect(c, '\r', State::trailer_lf);
        case State::trailer_lf:
            return expect(c, '\n', State::trailer_line);
        default:
            return expect(c, '\n', State::done);
    }
}

Result<void> BodyReader::end_of_stream() {
    if (state_ == State::until_close) {
        state_ = State::done;
    }
    if (state_ != State::done) {
        return fail(ErrorCode::closed, side_, "stream ended within a body");
    }
    return {};
}

std::uint64_t BodyReader::remaining() const {
    return state_ == State::length ? left_ : 0;
}

}  // namespace eg::http
