// Properties: any way of cutting a body gives the same verdict; what passes is a whole document of
// the command that is asked, at most 64 KiB long, without a tag of DocumentLibrary; its store,
// taken from the document by other means, is one that passes.

#include <algorithm>
#include <string>

#include "filters/eas/document_lookup.h"
#include "filters/eas/root.h"
#include "proxy/base/text.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using eg::filters::Reason;
using namespace eg::filters::eas;

Reason judge(Command command, std::string_view body, std::size_t piece) {
    LookupJudge judge(command);
    for (std::size_t at = 0; at < body.size(); at += piece) {
        if (const Reason reason = judge.feed(body.substr(at, piece)); reason != Reason::none) {
            return reason;
        }
    }
    return judge.finish();
}

void check_passed(Command command, std::string_view body) {
    EG_CHECK(body.size() <= kMostLookupBytes);
    EG_CHECK(check_root(command, body) == RootCheck::matches);
    WbxmlReader reader;
    std::string value;
    while (!reader.done()) {
        const auto event = reader.next(body);
        EG_CHECK(event.has_value());
        body.remove_prefix(event->consumed);
        if (event->kind == WbxmlReader::Kind::open) {
            EG_CHECK(event->tag.page != 19);
            value.clear();
        } else if (event->kind == WbxmlReader::Kind::close) {
            const auto name = name_of(event->tag);
            if ((event->tag.page == 15 && name == "Name") ||
                (event->tag.page == 20 && name == "Store")) {
                EG_CHECK(eg::lower(value) == "mailbox" || eg::lower(value) == "gal");
            }
            value.clear();
        } else {
            value += event->data;
        }
    }
    EG_CHECK(body.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = eg::fuzz::as_text(data, size);
    for (const Command command : {Command::search, Command::item_operations}) {
        const Reason whole = judge(command, body, std::max<std::size_t>(size, 1));
        EG_CHECK(judge(command, body, 1) == whole);
        EG_CHECK(judge(command, body, 13) == whole);
        if (whole == Reason::none && size != 0) {
            check_passed(command, body);
        }
    }
    return 0;
}
