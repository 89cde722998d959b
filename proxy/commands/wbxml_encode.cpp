// From XML to binary XML.
#include <expat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/eas/wbxml_reader.h"
#include "filters/eas/wbxml_writer.h"
#include "proxy/base/text.h"
#include "proxy/commands/wbxml_text.h"

namespace eg::commands {

namespace {

using namespace filters::eas;

constexpr std::string_view kBlank = " \t\r\n";

/// Writes the document while expat reads; stops expat at the first thing that is wrong.
class Encoder {
  public:
    explicit Encoder(XML_Parser parser) : parser_(parser) {
        XML_SetUserData(parser, this);
        XML_SetElementHandler(parser, &Encoder::on_start, &Encoder::on_end);
        XML_SetCharacterDataHandler(parser, &Encoder::on_text);
        XML_SetStartDoctypeDeclHandler(parser, &Encoder::on_doctype);
    }

    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] std::string finish() { return std::move(out_); }

  private:
    struct Element {
        Tag tag;
        std::string content;       // the attribute
        std::string value;         // its text so far
        std::size_t bindings = 0;  // those before its own
        bool has_children = false;
    };

    static Encoder& self(void* data) { return *static_cast<Encoder*>(data); }
    static void on_start(void* data, const char* name, const char** attributes) {
        self(data).start(name, attributes);
    }
    static void on_end(void* data, const char*) { self(data).end(); }
    static void on_text(void* data, const char* text, int size) {
        self(data).text({text, static_cast<std::size_t>(size)});
    }
    // Entities of the document's own are the way to make a small file large.
    static void on_doctype(void* data, const char*, const char*, const char*, int own) {
        if (own != 0) {
            self(data).fail("a document type with declarations of its own");
        }
    }

    void fail(std::string what) {
        if (problem_.empty()) {
            problem_ = fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser_), what);
            XML_StopParser(parser_, XML_FALSE);
        }
    }

    void start(std::string_view name, const char** attributes) {
        Element element;
        element.bindings = bindings_.size();
        for (; *attributes != nullptr; attributes += 2) {
            take_attribute(element, attributes[0], attributes[1]);
        }
        if (open_.size() == kWbxmlDeepest) {
            fail("elements are nested too deep");
            return;
        }
        const auto tag = resolve(name);
        if (!tag || !problem_.empty()) {
            return;
        }
        element.tag = *tag;
        if (!open_.empty() && !begin_children(open_.back())) {
            return;
        }
        open_.push_back(std::move(element));
    }

    void take_attribute(Element& element, std::string_view name, std::string_view value) {
        if (name == "xmlns" || name.starts_with("xmlns:")) {
            bindings_.emplace_back(name.substr(std::min<std::size_t>(name.size(), 6)), value);
        } else if (name == "content") {
            element.content = value;
        } else {
            fail(fmt::format("the attribute '{}': ActiveSync has none", name));
        }
    }

    std::optional<Tag> resolve(std::string_view name) {
        const std::size_t colon = name.find(':');
        const bool prefixed = colon != std::string_view::npos;
        const std::string_view prefix = name.substr(0, prefixed ? colon : 0);
        std::string_view name_space = prefix;
        for (const auto& [bound, uri] : bindings_) {  // the innermost is the last
            name_space = bound == prefix ? std::string_view(uri) : name_space;
        }
        if (name_space.ends_with(':')) {
            name_space.remove_suffix(1);
        }
        const auto tag = find_tag(name_space, name.substr(prefixed ? colon + 1 : 0));
        if (!tag) {
            fail(name_space.empty()
                     ? fmt::format("<{}> has no namespace, as xmlns=\"AirSync:\"", name)
                     : fmt::format("<{}>: no such element in the namespace '{}:'", name,
                                   name_space));
        }
        return tag;
    }

    /// Writes the tag of an element whose first child begins.
    bool begin_children(Element& parent) {
        if (!parent.content.empty() ||
            parent.value.find_first_not_of(kBlank) != std::string::npos) {
            fail("an element with both a value and children");
            return false;
        }
        if (!parent.has_children) {
            writer_.open(parent.tag);
        }
        parent.has_children = true;
        parent.value.clear();
        return true;
    }

    void text(std::string_view text) {
        if (problem_.empty() && !open_.empty()) {
            open_.back().value += text;
        }
    }

    void end() {
        if (!problem_.empty() || open_.empty()) {
            return;
        }
        const Element element = std::move(open_.back());
        open_.pop_back();
        bindings_.resize(element.bindings);
        if (!element.has_children) {
            write_leaf(element);
        } else if (element.value.find_first_not_of(kBlank) != std::string::npos) {
            fail("an element with both a value and children");
        } else {
            writer_.close();
        }
    }

    void write_leaf(const Element& element) {
        const std::string& content = element.content;
        const bool base64 = content.ends_with("-base64");
        const auto bytes = base64 ? base64_decode(unspaced(element.value)) : element.value;
        if (!bytes) {
            fail("what isn't base64");
        } else if (content == "opaque" || content == "opaque-base64") {
            writer_.open(element.tag).opaque(*bytes).close();
        } else if (content == "nothing" && bytes->empty()) {
            writer_.open(element.tag).close();
        } else if (content.empty() && bytes->empty()) {
            writer_.empty(element.tag);
        } else if (content.empty() || content == "text" || content == "text-base64") {
            if (bytes->find('\0') != std::string::npos || !is_utf8(*bytes)) {
                fail("a text that isn't UTF-8, or with a NUL byte");
                return;
            }
            writer_.leaf(element.tag, *bytes);
        } else {
            fail(
                fmt::format("content=\"{}\"; expected text, text-base64, opaque, opaque-base64, "
                            "or nothing with nothing in it",
                            content));
        }
    }

    static std::string unspaced(std::string text) {
        std::erase_if(text, [](char c) { return kBlank.find(c) != std::string_view::npos; });
        return text;
    }

    XML_Parser parser_;
    std::string out_;
    WbxmlWriter writer_{out_};
    std::vector<Element> open_;
    std::vector<std::pair<std::string, std::string>> bindings_;  // prefix, namespace
    std::string problem_;
};

}  // namespace

std::expected<std::string, std::string> xml_to_wbxml(std::string_view xml) {
    if (xml.size() > kMostWbxmlBytes) {
        return std::unexpected("line 1: the document is too long");
    }
    const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate(nullptr),
                                                                         &XML_ParserFree);
    if (parser == nullptr) {
        return std::unexpected("line 1: no memory");
    }
    Encoder encoder(parser.get());
    const auto status = XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE);
    if (!encoder.problem().empty()) {
        return std::unexpected(encoder.problem());
    }
    if (status != XML_STATUS_OK) {
        return std::unexpected(fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser.get()),
                                           XML_ErrorString(XML_GetErrorCode(parser.get()))));
    }
    return encoder.finish();
}

}  // namespace eg::commands
