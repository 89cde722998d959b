#include "filters/eas/wbxml_writer.h"

#include <array>

#include "proxy/base/check.h"

namespace eg::filters::eas {

WbxmlWriter::WbxmlWriter(std::string& out) : out_(out) {
    out_ += kWbxmlHeader;
}

void WbxmlWriter::put_tag(Tag tag, std::uint8_t content) {
    EG_CHECK(tag.token >= kFirstTag && tag.token <= kTokenMask);
    if (tag.page != page_) {
        put(kSwitchPage);
        put(tag.page);
        page_ = tag.page;
    }
    put(static_cast<std::uint8_t>(tag.token | content));
}

WbxmlWriter& WbxmlWriter::open(Tag tag) {
    put_tag(tag, kContentBit);
    ++depth_;
    return *this;
}

WbxmlWriter& WbxmlWriter::close() {
    EG_CHECK(depth_ != 0);
    --depth_;
    put(kEnd);
    return *this;
}

WbxmlWriter& WbxmlWriter::empty(Tag tag) {
    put_tag(tag, 0);
    return *this;
}

WbxmlWriter& WbxmlWriter::text(std::string_view text) {
    EG_CHECK(depth_ != 0 && text.find('\0') == std::string_view::npos);
    put(kInlineText);
    out_ += text;
    put(0);
    return *this;
}

WbxmlWriter& WbxmlWriter::opaque(std::string_view bytes) {
    EG_CHECK(depth_ != 0 && bytes.size() <= 0xFFFFFFFF);
    put(kOpaque);
    std::array<std::uint8_t, 5> groups{};  // mb_u_int32: seven bits each, the highest first
    std::size_t at = groups.size();
    std::size_t rest = bytes.size();
    do {
        const std::size_t more = at == groups.size() ? 0 : 0x80;
        --at;
        groups[at] = static_cast<std::uint8_t>((rest & 0x7F) | more);
        rest >>= 7;
    } while (rest != 0);
    for (; at < groups.size(); ++at) {
        put(groups[at]);
    }
    out_ += bytes;
    return *this;
}

}  // namespace eg::filters::eas
