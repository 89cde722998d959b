#include "filters/eas/status_document.h"

#include <algorithm>

#include "filters/eas/tokens.h"

namespace eg::filters::eas {

namespace {

/// Alone among the commands MeetingResponse has no Status below its root: a Result holds it.
constexpr std::uint8_t kResultStatus = 0x0B;

constexpr std::uint8_t with_content(std::uint8_t token) {
    return token | kContentBit;
}

}  // namespace

StatusDocument::StatusDocument(Command command, std::uint16_t status) {
    const CommandFacts* facts = facts_of(command);
    if (facts == nullptr || facts->root_token == kNoRoot) {
        return;
    }
    const bool has_result = command == Command::meeting_response;
    std::ranges::copy(kWbxmlHeader, bytes_.begin());
    size_ = kWbxmlHeader.size();
    if (facts->root_page != 0) {
        put(kSwitchPage);
        put(facts->root_page);
    }
    put(with_content(facts->root_token));
    put(with_content(facts->status_token));
    if (has_result) {
        put(with_content(kResultStatus));
    }
    put(kInlineText);
    for (const unsigned unit : {100U, 10U, 1U}) {
        if (status >= unit) {
            put(static_cast<std::uint8_t>('0' + status / unit % 10));
        }
    }
    put(0);  // the end of the text
    put(kEnd);
    put(kEnd);
    if (has_result) {
        put(kEnd);
    }
}

}  // namespace eg::filters::eas
