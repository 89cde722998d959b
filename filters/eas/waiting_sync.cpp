#include "filters/eas/waiting_sync.h"

namespace eg::filters::eas {

namespace {

// Of the page AirSync ([MS-ASWBXML] 2.1.2.1.1).
constexpr Tag kSyncKey{.page = 0, .token = 0x0B};
constexpr Tag kCommands{.page = 0, .token = 0x16};
constexpr Tag kWait{.page = 0, .token = 0x24};
constexpr Tag kHeartbeatInterval{.page = 0, .token = 0x29};

// Add, Change, Delete, Fetch: what Commands hold.
constexpr std::uint8_t kFirstCommand = 0x07;
constexpr std::uint8_t kLastCommand = 0x0A;

constexpr std::size_t kBelowRoot = 2;  // depth of an element that the root holds

bool is_command(Tag tag) {
    return tag == kCommands ||
           (tag.page == 0 && tag.token >= kFirstCommand && tag.token <= kLastCommand);
}

bool asks_to_wait(Tag tag) {
    return tag == kWait || tag == kHeartbeatInterval;
}

}  // namespace

void WaitingSyncReader::feed(std::string_view piece) {
    while (!piece.empty() && !wants_answer_) {
        const auto event = reader_.next(piece);
        if (!event) {
            wants_answer_ = true;
            return;
        }
        note(*event);
        piece.remove_prefix(event->consumed);
    }
}

void WaitingSyncReader::note(const WbxmlReader::Event& event) {
    using Kind = WbxmlReader::Kind;
    const bool is_key = event.tag == kSyncKey;
    if (event.kind == Kind::open) {
        wants_answer_ = is_command(event.tag);
        waits_ = waits_ ||
                 (event.has_content && reader_.depth() == kBelowRoot && asks_to_wait(event.tag));
        key_is_new_ = key_is_new_ || is_key;
    } else if (event.kind == Kind::text && is_key) {
        key_is_new_ = key_is_new_ && event.data.find_first_not_of('0') == std::string_view::npos;
    } else if (event.kind == Kind::close && is_key) {
        wants_answer_ = key_is_new_;
    }
}

}  // namespace eg::filters::eas
