/// Reads a document of ActiveSync's binary XML ([MS-ASWBXML] 2.1) as a stream: bytes in; more
/// needed, an event or an error out. Nothing is buffered, nothing allocated, so a document of any
/// size costs the reader itself, some 120 bytes. Value; no thread rule.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/eas/tokens.h"
#include "proxy/base/error.h"

namespace eg::filters::eas {

/// Real documents are about ten deep. A string table has a limit too: ActiveSync has none at all.
inline constexpr std::size_t kWbxmlDeepest = 16;

struct WbxmlLimits {
    std::size_t depth = kWbxmlDeepest;  // at most kWbxmlDeepest
    std::uint64_t bytes = 256ULL << 20U;
    std::uint64_t elements = 1'000'000;
    bool known_tags = true;  // refuses what no code page assigns; false for what only passes by
};

class WbxmlReader {
  public:
    enum class Kind : std::uint8_t {
        need_more,  // all input is used up, and the document goes on
        open,       // an element begins
        close,      // it ends, whether it had content or not
        text,       // a piece of its text, UTF-8 once all pieces are together
        opaque,     // a piece of its opaque bytes
        end,        // the document is whole
    };
    struct Event {
        Kind kind = Kind::need_more;
        bool has_content = false;  // open: the document says that content follows
        bool last = false;         // text, opaque: nothing of it is left
        Tag tag;                   // open, close, text, opaque: of the element
        std::size_t consumed = 0;  // bytes of the input used up; may be 0
        std::string_view data;     // text, opaque: in the input; may be empty
    };

    explicit WbxmlReader(const WbxmlLimits& limits = {}) : limits_(limits) {}

    /// The next event at the start of `input`; then call again with what follows `consumed`. Events
    /// don't depend on how the document is cut into inputs, but for the pieces of text and opaque.
    ///
    /// Refused: another header, string tables, attributes, entities, literals, extensions and
    /// processing instructions, tags and pages that don't exist, an element with both children and
    /// a text or with two texts, text that isn't UTF-8, more than one root, bytes after it.
    /// Errors: malformed or too_large, Side::client; none goes away by reading on.
    [[nodiscard]] Result<Event> next(std::string_view input);

    /// The root is closed. Where the input ends before, the document is cut off.
    [[nodiscard]] bool done() const { return state_ == State::done; }
    /// Bytes used up so far; after an error, about where it stands.
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] std::size_t depth() const { return depth_; }

  private:
    enum class State : std::uint8_t { header, content, page, text, opaque_length, opaque, done };
    enum class Holds : std::uint8_t { nothing, elements, value };
    struct Open {
        Tag tag;
        Holds holds = Holds::nothing;
    };

    Result<Event> step(std::string_view input);
    Result<Event> read_header(std::string_view input);
    Result<Event> read_token(std::uint8_t byte);
    Result<Event> read_page(std::uint8_t byte);
    Result<Event> read_tag(std::uint8_t byte);
    Result<Event> read_text(std::string_view input);
    Result<Event> read_opaque_length(std::uint8_t byte);
    Result<Event> read_opaque(std::string_view input);
    Result<void> begin_value(State state);
    [[nodiscard]] bool takes_utf8(std::string_view text);
    Event close();

    WbxmlLimits limits_;
    std::uint64_t offset_ = 0;
    std::uint64_t elements_ = 0;
    std::uint64_t opaque_left_ = 0;
    std::array<Open, kWbxmlDeepest> open_{};
    std::size_t depth_ = 0;
    State state_ = State::header;
    std::uint8_t page_ = 0;
    std::uint8_t length_bytes_ = 0;
    bool closing_ = false;  // an element without content was opened
    // The character that the last piece of text left unfinished: how many bytes it lacks, and
    // between what the next one must be (Unicode 3.9, table 3-7).
    std::uint8_t utf8_lacks_ = 0;
    std::uint8_t utf8_least_ = 0x80;
    std::uint8_t utf8_most_ = 0xBF;
};

}  // namespace eg::filters::eas
