#include "filters/eas/document_lookup.h"

#include <algorithm>

#include "filters/eas/root.h"
#include "proxy/base/text.h"

namespace eg::filters::eas {

namespace {

constexpr std::uint8_t kDocumentLibrary = 19;  // code page
// The elements whose text names the store.
constexpr Tag kSearchName{.page = 15, .token = 0x08};
constexpr Tag kFetchStore{.page = 20, .token = 0x07};

bool names_store(Tag tag) {
    return tag == kSearchName || tag == kFetchStore;
}

Tag root_of(Command command) {
    const CommandFacts* facts = facts_of(command);
    return facts == nullptr ? Tag{} : Tag{.page = facts->root_page, .token = facts->root_token};
}

}  // namespace

LookupJudge::LookupJudge(Command command)
    : reader_({.bytes = kMostLookupBytes}), root_(root_of(command)) {}

Reason LookupJudge::refuse(Reason reason, const char* what) {
    reason_ = reason;
    detail_ = what;
    return reason;
}

Reason LookupJudge::feed(std::string_view piece) {
    bytes_ += piece.size();
    if (bytes_ > kMostLookupBytes) {
        return refuse(Reason::body_too_large, "more than 64 KiB");
    }
    while (reason_ == Reason::none) {
        const auto event = reader_.next(piece);
        if (!event) {
            return refuse(Reason::bad_request, event.error().what);
        }
        piece.remove_prefix(event->consumed);
        read_ += event->consumed;
        if (event->kind == WbxmlReader::Kind::need_more || event->kind == WbxmlReader::Kind::end) {
            break;
        }
        reason_ = take(*event);
    }
    return reason_;
}

Reason LookupJudge::take(const WbxmlReader::Event& event) {
    using Kind = WbxmlReader::Kind;
    switch (event.kind) {
        case Kind::open:
            if (reader_.depth() == 1 && read_ > kRootBytes) {
                return refuse(Reason::bad_request, "the root isn't in the first bytes");
            }
            if (reader_.depth() == 1 && event.tag != root_) {
                return refuse(Reason::body_root, "the root isn't that of the command");
            }
            if (event.tag.page == kDocumentLibrary) {
                return refuse(Reason::document_lookup, "a tag of DocumentLibrary");
            }
            store_bytes_ = 0;
            return Reason::none;
        case Kind::text:
        case Kind::opaque: {
            // Both spell a value. Only the store's matters, and only as far as it can be one of
            // those that pass.
            const std::size_t room = store_.size() - store_bytes_;
            const std::size_t taken = std::min(event.data.size(), room);
            std::copy_n(event.data.begin(), taken, store_.data() + store_bytes_);
            store_bytes_ += taken;
            return Reason::none;
        }
        case Kind::close: {
            const std::string_view store(store_.data(), store_bytes_);
            const bool stays = iequals(store, "Mailbox") || iequals(store, "GAL");
            store_bytes_ = 0;
            return names_store(event.tag) && !stays
                       ? refuse(Reason::document_lookup,
                                "a store other than the mailbox and the address list")
                       : Reason::none;
        }
        case Kind::need_more:
        case Kind::end:
            break;
    }
    return Reason::none;
}

Reason LookupJudge::finish() {
    // No body at all passes, as for every command.
    if (reason_ == Reason::none && bytes_ != 0 && !reader_.done()) {
        return refuse(Reason::bad_request, "the document is cut off");
    }
    return reason_;
}

}  // namespace eg::filters::eas
