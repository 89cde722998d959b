#include "proxy/commands/phone_wbxml.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"

namespace eg::commands {
namespace {

constexpr std::string_view kHeader{"\x03\x01\x6a\x00",
                                   4};  // 1.3, unknown public id, UTF-8, no table
constexpr std::uint8_t kSwitchPage = 0x00;
constexpr std::uint8_t kEnd = 0x01;
constexpr std::uint8_t kInlineText = 0x03;
constexpr std::uint8_t kOpaque = 0xC3;
constexpr std::uint8_t kContentBit = 0x40;
constexpr std::uint8_t kAttributeBit = 0x80;
constexpr std::uint8_t kTokenMask = 0x3F;
constexpr std::uint8_t kFirstToken = 0x05;

std::unexpected<Error> malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::upstream, what);
}

/// Reads a document from front to back; the path to the open element is kept as a stack of elements
/// that move into their parent when they end.
class Reader {
  public:
    explicit Reader(std::string_view rest) : rest_(rest) {}

    Result<WbxmlElement> read() {
        while (!root_done_) {
            if (rest_.empty()) {
                return malformed("the document is cut off");
            }
            if (const auto step = read_token(take()); !step) {
                return std::unexpected(step.error());
            }
        }
        if (!rest_.empty()) {
            return malformed("bytes after the root element");
        }
        return std::move(root_);
    }

  private:
    std::uint8_t take() {
        const auto byte = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }

    Result<void> read_token(std::uint8_t byte) {
        switch (byte) {
            case kSwitchPage:
                if (rest_.empty()) {
                    return malformed("the code page is cut off");
                }
                page_ = take();
                return {};
            case kEnd:
                if (open_.empty()) {
                    return malformed("an end without an element");
                }
                end_element();
                return {};
            case kInlineText:
                return read_text();
            case kOpaque:
                return read_opaque();
            default:
                return read_element(byte);
        }
    }

    Result<void> read_text() {
        const std::size_t end = rest_.find('\0');
        if (open_.empty() || end == std::string_view::npos) {
            return malformed("a text out of place or without an end");
        }
        open_.back().content.append(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return {};
    }

    Result<void> read_opaque() {
        std::uint64_t length = 0;
        for (int i = 0;; ++i) {  // mb_u_int32: at most five bytes
            if (rest_.empty() || i == 5) {
                return malformed("a length is cut off or too long");
            }
            const std::uint8_t byte = take();
            length = length << 7 | (byte & 0x7Fu);
            if ((byte & 0x80u) == 0) {
                break;
            }
        }
        if (open_.empty() || length > rest_.size()) {
            return malformed("opaque bytes are out of place or cut off");
        }
        open_.back().content.append(rest_.substr(0, static_cast<std::size_t>(length)));
        rest_.remove_prefix(static_cast<std::size_t>(length));
        return {};
    }

    Result<void> read_element(std::uint8_t byte) {
        const auto token = static_cast<std::uint8_t>(byte & kTokenMask);
        if ((byte & kAttributeBit) != 0 || token < kFirstToken) {
            return malformed("a token that ActiveSync doesn't use");
        }
        if (++elements_ > kWbxmlElementsMax || open_.size() == kWbxmlDepthMax) {
            return fail(ErrorCode::too_large, Side::upstream, "too many elements or too deep");
        }
        open_.push_back(WbxmlElement{{page_, token}, {}, {}});
        if ((byte & kContentBit) == 0) {
            end_element();
        }
        return {};
    }

    void end_element() {
        WbxmlElement ended = std::move(open_.back());
        open_.pop_back();
        if (open_.empty()) {
            root_ = std::move(ended);
            root_done_ = true;
        } else {
            open_.back().children.push_back(std::move(ended));
        }
    }

    std::string_view rest_;
    std::vector<WbxmlElement> open_;
    WbxmlElement root_;
    std::size_t elements_ = 0;
    std::uint8_t page_ = 0;
    bool root_done_ = false;
};

}  // namespace

WbxmlWriter::WbxmlWriter() : out_(kHeader) {}

void WbxmlWriter::tag(WbxmlTag tag, bool content) {
    if (tag.page != page_) {
        put(kSwitchPage);
        put(tag.page);
        page_ = tag.page;
    }
    put(content ? static_cast<std::uint8_t>(tag.token | kContentBit) : tag.token);
}

WbxmlWriter& WbxmlWriter::open(WbxmlTag opened) {
    tag(opened, true);
    ++depth_;
    return *this;
}

WbxmlWriter& WbxmlWriter::close() {
    EG_CHECK(depth_ > 0);
    --depth_;
    put(kEnd);
    return *this;
}

WbxmlWriter& WbxmlWriter::text(WbxmlTag leaf, std::string_view text) {
    EG_CHECK(text.find('\0') == std::string_view::npos);
    tag(leaf, true);
    put(kInlineText);
    out_.append(text);
    put(0);
    put(kEnd);
    return *this;
}

WbxmlWriter& WbxmlWriter::opaque(WbxmlTag leaf, std::string_view bytes) {
    tag(leaf, true);
    put(kOpaque);
    std::string length;  // mb_u_int32, least significant group first
    std::size_t rest = bytes.size();
    do {
        length.push_back(static_cast<char>((rest & 0x7Fu) | (length.empty() ? 0u : 0x80u)));
        rest >>= 7;
    } while (rest != 0);
    out_.append(length.rbegin(), length.rend());
    out_.append(bytes);
    put(kEnd);
    return *this;
}

WbxmlWriter& WbxmlWriter::empty(WbxmlTag leaf) {
    tag(leaf, false);
    return *this;
}

std::string WbxmlWriter::finish() {
    EG_CHECK(depth_ == 0);
    return std::move(out_);
}

const WbxmlElement* WbxmlElement::find(std::initializer_list<WbxmlTag> path) const {
    const WbxmlElement* here = this;
    for (const WbxmlTag wanted : path) {
        const auto found = std::ranges::find(here->children, wanted, &WbxmlElement::tag);
        if (found == here->children.end()) {
            return nullptr;
        }
        here = &*found;
    }
    return here;
}

std::string_view WbxmlElement::value(std::initializer_list<WbxmlTag> path) const {
    const WbxmlElement* found = find(path);
    return found == nullptr ? std::string_view{} : std::string_view{found->content};
}

Result<WbxmlElement> read_wbxml(std::string_view document) {
    if (!document.starts_with(kHeader)) {
        return malformed("not the header that ActiveSync uses");
    }
    return Reader(document.substr(kHeader.size())).read();
}

}  // namespace eg::commands
