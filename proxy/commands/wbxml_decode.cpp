// From binary XML to XML.
#include <algorithm>
#include <bitset>

#include <fmt/format.h>

#include "filters/eas/wbxml_reader.h"
#include "proxy/base/text.h"
#include "proxy/commands/wbxml_text.h"

namespace eg::commands {

namespace {

using namespace filters::eas;
using Kind = WbxmlReader::Kind;
using Event = WbxmlReader::Event;

/// Calls `use` with each event of the document; the sentence of what is wrong with it, or "".
template <typename Use>
std::string read_all(std::string_view document, Use&& use) {
    WbxmlReader reader({.bytes = kMostWbxmlBytes});
    while (true) {
        const auto event = reader.next(document);
        if (!event) {
            return fmt::format("byte {}: {}", reader.offset(), event.error().what);
        }
        if (event->kind == Kind::need_more) {
            return fmt::format("byte {}: the document is cut off", reader.offset());
        }
        if (event->kind == Kind::end) {
            return {};
        }
        use(*event);
        document.remove_prefix(event->consumed);
    }
}

/// Whether XML 1.0 can hold these bytes as characters (XML 1.0, 2.2).
bool fits_xml(std::string_view bytes) {
    const bool plain = std::all_of(bytes.begin(), bytes.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r';
    });
    return plain && is_utf8(bytes) && bytes.find("\xEF\xBF\xBE") == std::string_view::npos &&
           bytes.find("\xEF\xBF\xBF") == std::string_view::npos;
}

class Printer {
  public:
    explicit Printer(const std::bitset<kCodePages>& pages) : pages_(pages) {}

    void take(const Event& event) {
        switch (event.kind) {
            case Kind::open:
                open(event);
                break;
            case Kind::close:
                close(event.tag);
                break;
            case Kind::text:
            case Kind::opaque:
                value_ += event.data;
                if (event.last) {
                    write_value(event.kind == Kind::opaque);
                    value_.clear();
                }
                break;
            default:
                break;
        }
    }
    [[nodiscard]] std::string finish() { return std::move(out_); }

  private:
    /// Of the namespace of the root there is none; of the others, their name in small letters.
    [[nodiscard]] std::string name(Tag tag) const {
        return tag.page == root_page_
                   ? std::string(name_of(tag))
                   : fmt::format("{}:{}", lower(namespace_of(tag.page)), name_of(tag));
    }

    void open(const Event& event) {
        if (begun_) {
            out_ += ">\n";
        }
        if (depth_ == 0) {
            root_page_ = event.tag.page;
        }
        out_.append(2 * depth_, ' ');
        out_ += '<';
        out_ += name(event.tag);
        if (depth_ == 0) {
            declare_namespaces();
        }
        ++depth_;
        begun_ = true;
        says_content_ = event.has_content;
    }

    void declare_namespaces() {
        out_ += fmt::format(" xmlns=\"{}:\"", namespace_of(root_page_));
        for (std::size_t i = 0; i < kCodePages; ++i) {
            const auto page = static_cast<std::uint8_t>(i);
            if (pages_[i] && page != root_page_) {
                out_ +=
                    fmt::format(" xmlns:{}=\"{}:\"", lower(namespace_of(page)), namespace_of(page));
            }
        }
    }

    void write_value(bool opaque) {
        const bool readable = fits_xml(value_);
        const std::string_view kind = !readable ? (opaque ? "opaque-base64" : "text-base64")
                                      : opaque  ? "opaque"
                                                : (value_.empty() ? "text" : "");
        out_ += kind.empty() ? ">" : fmt::format(" content=\"{}\">", kind);
        if (readable) {
            escape(value_);
        } else {
            out_ += base64_encode(value_);
        }
        begun_ = false;
        has_value_ = true;
    }

    void escape(std::string_view text) {
        for (const char c : text) {
            switch (c) {
                case '&':
                    out_ += "&amp;";
                    break;
                case '<':
                    out_ += "&lt;";
                    break;
                case '>':
                    out_ += "&gt;";
                    break;
                case '\r':
                    out_ += "&#13;";  // else a reader of XML takes it for part of the line's end
                    break;
                default:
                    out_ += c;
            }
        }
    }

    void close(Tag tag) {
        --depth_;
        if (begun_) {
            out_ += says_content_ ? " content=\"nothing\"/>\n" : "/>\n";
        } else {
            out_.append(has_value_ ? 0 : 2 * depth_, ' ');
            out_ += fmt::format("</{}>\n", name(tag));
        }
        begun_ = false;
        has_value_ = false;
    }

    std::bitset<kCodePages> pages_;
    std::string out_ = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
    std::string value_;
    std::size_t depth_ = 0;
    std::uint8_t root_page_ = 0;
    bool begun_ = false;         // the tag of the innermost element lacks its '>'
    bool says_content_ = false;  // and the document says that content follows
    bool has_value_ = false;
};

}  // namespace

std::expected<std::string, std::string> wbxml_to_xml(std::string_view document) {
    std::bitset<kCodePages> pages;
    auto problem = read_all(document, [&](const Event& event) { pages.set(event.tag.page); });
    if (!problem.empty()) {
        return std::unexpected(std::move(problem));
    }
    Printer printer(pages);
    problem = read_all(document, [&](const Event& event) { printer.take(event); });
    return printer.finish();
}

}  // namespace eg::commands
