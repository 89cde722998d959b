// Properties: a document means the same however it is cut; what is decoded encodes to a document
// that is no longer and decodes to the same XML, and encoding that again changes no byte; what is
// written from XML can be read.

#include <algorithm>
#include <string>

#include "filters/eas/wbxml_reader.h"
#include "proxy/commands/wbxml_text.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using eg::filters::eas::WbxmlReader;

/// How many events there are, pieces of values apart, or where it went wrong; in steps of `step`.
std::pair<std::size_t, bool> read(std::string_view document, std::size_t step) {
    WbxmlReader reader({.known_tags = false});
    std::size_t count = 0;
    std::size_t at = 0;
    std::size_t given = 0;
    while (true) {
        const auto event = reader.next(document.substr(at, given - at));
        if (!event) {
            return {count, false};
        }
        at += event->consumed;
        EG_CHECK(at <= given);
        EG_CHECK(reader.depth() <= eg::filters::eas::kWbxmlDeepest);
        const bool wants = event->kind == WbxmlReader::Kind::need_more;
        const bool ended = event->kind == WbxmlReader::Kind::end;
        if ((wants || ended) && given == document.size()) {
            EG_CHECK(ended == reader.done());
            return {count, ended};
        }
        if (wants || ended) {
            given = std::min(given + step, document.size());
        } else if (event->kind == WbxmlReader::Kind::open ||
                   event->kind == WbxmlReader::Kind::close || event->last) {
            ++count;
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace eg;
    const std::string_view input = fuzz::as_text(data, size);
    const auto whole = read(input, input.size() + 1);
    EG_CHECK(read(input, 1) == whole);
    EG_CHECK(read(input, 3) == whole);

    if (const auto xml = commands::wbxml_to_xml(input)) {
        EG_CHECK(whole.second);
        const auto document = commands::xml_to_wbxml(*xml);
        EG_CHECK(document && document->size() <= input.size());
        EG_CHECK(commands::wbxml_to_xml(*document) == xml);
    }
    if (const auto document = commands::xml_to_wbxml(input)) {
        const auto xml = commands::wbxml_to_xml(*document);
        EG_CHECK(xml && commands::xml_to_wbxml(*xml) == document);
    }
    return 0;
}
