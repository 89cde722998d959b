/// Writes documents of ActiveSync's binary XML ([MS-ASWBXML] 2.1), tag by tag, in the one way that
/// needs the fewest bytes: a switch of the code page stands only where the page changes. Value, no
/// thread rule; keeps nothing but the page, so what is in the text may be sent while it is written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "filters/eas/tokens.h"

namespace eg::filters::eas {

class WbxmlWriter {
  public:
    /// Appends the header to `out`, which must outlive the writer.
    explicit WbxmlWriter(std::string& out);

    WbxmlWriter& open(Tag tag);
    /// Closes what was opened last.
    WbxmlWriter& close();
    /// An element without content.
    WbxmlWriter& empty(Tag tag);
    /// Content of the open element. The text must hold no NUL byte, which would end it early.
    WbxmlWriter& text(std::string_view text);
    /// Content of the open element; any bytes.
    WbxmlWriter& opaque(std::string_view bytes);
    /// An element that holds a text.
    WbxmlWriter& leaf(Tag tag, std::string_view content) { return open(tag).text(content).close(); }

    /// How many elements are open; 0 once the document is whole.
    [[nodiscard]] std::size_t depth() const { return depth_; }

  private:
    void put(std::uint8_t byte) { out_.push_back(static_cast<char>(byte)); }
    void put_tag(Tag tag, std::uint8_t content);

    std::string& out_;
    std::size_t depth_ = 0;
    std::uint8_t page_ = 0;
};

}  // namespace eg::filters::eas
