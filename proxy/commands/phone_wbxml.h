/// ActiveSync's binary XML as the simulated phone needs it: documents written tag by tag, answers
/// read into a small tree. Pure: bytes in, values out. Source of all facts: [MS-ASWBXML] 2.1.2.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace eg::commands {

/// A tag: code page and token (without the content bit).
struct WbxmlTag {
    std::uint8_t page = 0;
    std::uint8_t token = 0;
    friend bool operator==(WbxmlTag, WbxmlTag) = default;
};

/// Writes one document. Every `open` needs its `close`; `finish` checks it.
class WbxmlWriter {
  public:
    WbxmlWriter();
    WbxmlWriter& open(WbxmlTag tag);
    WbxmlWriter& close();
    /// An element with a text. The text must hold no NUL byte: it would end the text early.
    WbxmlWriter& text(WbxmlTag tag, std::string_view text);
    WbxmlWriter& opaque(WbxmlTag tag, std::string_view bytes);
    WbxmlWriter& empty(WbxmlTag tag);
    [[nodiscard]] std::string finish();

  private:
    void put(std::uint8_t byte) { out_.push_back(static_cast<char>(byte)); }
    void tag(WbxmlTag tag, bool content);

    std::string out_;
    std::uint8_t page_ = 0;
    std::size_t depth_ = 0;
};

struct WbxmlElement {
    WbxmlTag tag;
    std::string content;  // text or opaque bytes
    std::vector<WbxmlElement> children;

    /// The first element under here along `path`, or nullptr. Lives as long as this element.
    [[nodiscard]] const WbxmlElement* find(std::initializer_list<WbxmlTag> path) const;
    /// The content of that element, or "".
    [[nodiscard]] std::string_view value(std::initializer_list<WbxmlTag> path) const;
};

inline constexpr std::size_t kWbxmlDepthMax = 16;          // real documents reach about 10
inline constexpr std::size_t kWbxmlElementsMax = 100'000;  // of one document

/// The root element. Refuses what ActiveSync never uses (string table, attributes, entities), a
/// document that is cut off, and bytes after the root.
[[nodiscard]] Result<WbxmlElement> read_wbxml(std::string_view document);

}  // namespace eg::commands
