#include "filters/eas/wbxml_reader.h"

#include <algorithm>

namespace eg::filters::eas {

namespace {

constexpr std::uint8_t kLongestLength = 5;  // bytes of an mb_u_int32

std::unexpected<Error> malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

std::unexpected<Error> too_large(const char* what) {
    return fail(ErrorCode::too_large, Side::client, what);
}

}  // namespace

Result<WbxmlReader::Event> WbxmlReader::next(std::string_view input) {
    if (closing_) {
        closing_ = false;
        return close();
    }
    Event event;
    std::size_t consumed = 0;
    // Steps without an event: the header, a switch of page, the length of opaque bytes.
    while (event.kind == Kind::need_more && !(consumed == input.size() && state_ != State::done)) {
        auto stepped = step(input.substr(consumed));
        if (!stepped) {
            return stepped;
        }
        consumed += stepped->consumed;
        offset_ += stepped->consumed;
        if (offset_ > limits_.bytes) {
            return too_large("the document is too long");
        }
        event = *stepped;
    }
    event.consumed = consumed;
    return event;
}

Result<WbxmlReader::Event> WbxmlReader::step(std::string_view input) {
    const auto first = static_cast<std::uint8_t>(input.empty() ? 0 : input.front());
    switch (state_) {
        case State::header:
            return read_header(input);
        case State::content:
            return read_token(first);
        case State::page:
            return read_page(first);
        case State::text:
            return read_text(input);
        case State::opaque_length:
            return read_opaque_length(first);
        case State::opaque:
            return read_opaque(input);
        case State::done:
            break;
    }
    if (!input.empty()) {
        return malformed("there are bytes after the root element");
    }
    return Event{.kind = Kind::end, .tag = {}, .data = {}};
}

Result<WbxmlReader::Event> WbxmlReader::read_header(std::string_view input) {
    const std::string_view expected = kWbxmlHeader.substr(offset_);
    const std::size_t size = std::min(input.size(), expected.size());
    if (input.substr(0, size) != expected.substr(0, size)) {
        return malformed(
            "it doesn't begin with 03 01 6A 00, as every document of ActiveSync: WBXML 1.3, no "
            "public id, UTF-8, no string table");
    }
    if (size == expected.size()) {
        state_ = State::content;
    }
    return Event{.tag = {}, .consumed = size, .data = {}};
}

Result<WbxmlReader::Event> WbxmlReader::read_token(std::uint8_t byte) {
    switch (byte) {
        case kSwitchPage:
            state_ = State::page;
            return Event{.tag = {}, .consumed = 1, .data = {}};
        case kEnd: {
            if (depth_ == 0) {
                return malformed("an element ends, and none is open");
            }
            Event event = close();
            event.consumed = 1;
            return event;
        }
        case kInlineText:
        case kOpaque:
            if (const auto begun =
                    begin_value(byte == kOpaque ? State::opaque_length : State::text);
                !begun) {
                return std::unexpected(begun.error());
            }
            return Event{.tag = {}, .consumed = 1, .data = {}};
        default:
            return read_tag(byte);
    }
}

Result<WbxmlReader::Event> WbxmlReader::read_page(std::uint8_t byte) {
    if (limits_.known_tags && byte >= kCodePages) {
        return malformed("a code page that doesn't exist");
    }
    page_ = byte;
    state_ = State::content;
    return Event{.tag = {}, .consumed = 1, .data = {}};
}

Result<WbxmlReader::Event> WbxmlReader::read_tag(std::uint8_t byte) {
    const Tag tag{.page = page_, .token = static_cast<std::uint8_t>(byte & kTokenMask)};
    if ((byte & kAttributeBit) != 0 || tag.token < kFirstTag) {
        return malformed("a token that ActiveSync never uses");
    }
    if (limits_.known_tags && name_of(tag).empty()) {
        return malformed("a tag that its code page doesn't have");
    }
    if (depth_ == std::min(limits_.depth, open_.size())) {
        return too_large("elements are nested too deep");
    }
    if (++elements_ > limits_.elements) {
        return too_large("there are too many elements");
    }
    if (depth_ != 0) {
        Holds& holds = open_[depth_ - 1].holds;
        if (holds == Holds::value) {
            return malformed("an element with both a value and children");
        }
        holds = Holds::elements;
    }
    open_[depth_++] = {.tag = tag};
    closing_ = (byte & kContentBit) == 0;
    return Event{
        .kind = Kind::open, .has_content = !closing_, .tag = tag, .consumed = 1, .data = {}};
}

Result<void> WbxmlReader::begin_value(State state) {
    if (depth_ == 0) {
        return malformed("a value outside of the root element");
    }
    Holds& holds = open_[depth_ - 1].holds;
    if (holds != Holds::nothing) {
        return malformed("an element with both a value and children, or with two values");
    }
    holds = Holds::value;
    state_ = state;
    opaque_left_ = 0;
    length_bytes_ = 0;
    return {};
}

Result<WbxmlReader::Event> WbxmlReader::read_text(std::string_view input) {
    const std::size_t size = std::min(input.find('\0'), input.size());
    const bool last = size < input.size();
    const std::string_view text = input.substr(0, size);
    if (!takes_utf8(text) || (last && utf8_lacks_ != 0)) {
        return malformed("a text that isn't UTF-8");
    }
    if (last) {
        state_ = State::content;
    }
    return Event{.kind = Kind::text,
                 .last = last,
                 .tag = open_[depth_ - 1].tag,
                 .consumed = size + (last ? 1 : 0),
                 .data = text};
}

bool WbxmlReader::takes_utf8(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (utf8_lacks_ != 0) {
            if (byte < utf8_least_ || byte > utf8_most_) {
                return false;
            }
            --utf8_lacks_;
            utf8_least_ = 0x80;
            utf8_most_ = 0xBF;
        } else if (byte >= 0x80) {
            if (byte < 0xC2 || byte > 0xF4) {
                return false;
            }
            utf8_lacks_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
            utf8_least_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
            utf8_most_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        }
    }
    return true;
}

Result<WbxmlReader::Event> WbxmlReader::read_opaque_length(std::uint8_t byte) {
    if (++length_bytes_ > kLongestLength) {
        return malformed("a length of more than five bytes");
    }
    opaque_left_ = opaque_left_ << 7U | (byte & 0x7FU);
    if ((byte & 0x80U) != 0) {
        return Event{.tag = {}, .consumed = 1, .data = {}};
    }
    if (opaque_left_ > limits_.bytes) {
        return too_large("opaque bytes that are longer than a document may be");
    }
    state_ = State::opaque;
    // Nothing to wait for where the length is 0.
    const bool last = opaque_left_ == 0;
    if (last) {
        state_ = State::content;
    }
    return Event{.kind = last ? Kind::opaque : Kind::need_more,
                 .last = last,
                 .tag = open_[depth_ - 1].tag,
                 .consumed = 1,
                 .data = {}};
}

Result<WbxmlReader::Event> WbxmlReader::read_opaque(std::string_view input) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(opaque_left_, input.size()));
    opaque_left_ -= size;
    if (opaque_left_ == 0) {
        state_ = State::content;
    }
    return Event{.kind = Kind::opaque,
                 .last = opaque_left_ == 0,
                 .tag = open_[depth_ - 1].tag,
                 .consumed = size,
                 .data = input.substr(0, size)};
}

WbxmlReader::Event WbxmlReader::close() {
    const Tag tag = open_[--depth_].tag;
    if (depth_ == 0) {
        state_ = State::done;
    }
    return Event{.kind = Kind::close, .tag = tag, .data = {}};
}

}  // namespace eg::filters::eas
