// Property: whether a Sync only waits doesn't depend on how its body is cut; and one that does is a
// whole document without commands of the client, whatever else it holds.

#include <algorithm>

#include "filters/eas/waiting_sync.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg::filters::eas;

bool waits(std::string_view body, std::size_t step) {
    WaitingSyncReader reader;
    while (!body.empty()) {
        reader.feed(body.substr(0, step));
        body.remove_prefix(std::min(step, body.size()));
    }
    return reader.waits();
}

/// The whole of it is one document, and no element of AirSync's `token` is in it.
bool lacks(std::string_view document, std::uint8_t token) {
    WbxmlReader reader;
    while (true) {
        const auto event = reader.next(document);
        if (!event || event->kind == WbxmlReader::Kind::need_more ||
            (event->kind == WbxmlReader::Kind::open &&
             event->tag == Tag{.page = 0, .token = token})) {
            return false;
        }
        if (event->kind == WbxmlReader::Kind::end) {
            return true;
        }
        document.remove_prefix(event->consumed);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = eg::fuzz::as_text(data, size);
    const bool whole = waits(body, body.size() + 1);
    EG_CHECK(waits(body, 1) == whole);
    EG_CHECK(waits(body, 3) == whole);
    if (whole) {
        for (const int token : {0x07, 0x08, 0x09, 0x0A, 0x16}) {
            EG_CHECK(lacks(body, static_cast<std::uint8_t>(token)));
        }
    }
    return 0;
}
