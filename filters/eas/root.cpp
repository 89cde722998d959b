#include "filters/eas/root.h"

#include "filters/eas/tokens.h"

namespace eg::filters::eas {

namespace {

/// From here on mail is sent as WBXML; before, as message/rfc822.
constexpr std::uint16_t kFirstWbxmlMail = 140;

std::uint8_t byte_at(std::string_view text, std::size_t at) {
    return static_cast<std::uint8_t>(text[at]);
}

}  // namespace

RootCheck check_root(Command command, std::string_view start) {
    start = start.substr(0, kRootBytes);
    const std::string_view header = start.substr(0, kWbxmlHeader.size());
    if (!kWbxmlHeader.starts_with(header)) {
        return RootCheck::not_wbxml;
    }
    // Where all bytes were switches of page there is no root that is worth waiting for.
    const RootCheck short_answer =
        start.size() < kRootBytes ? RootCheck::need_more : RootCheck::not_wbxml;
    std::uint8_t page = 0;
    std::size_t at = kWbxmlHeader.size();
    for (; at < start.size() && byte_at(start, at) == kSwitchPage; at += 2) {
        if (at + 1 == start.size()) {
            return short_answer;
        }
        page = byte_at(start, at + 1);
    }
    if (at >= start.size()) {
        return short_answer;
    }
    const std::uint8_t tag = byte_at(start, at);
    const auto token = static_cast<std::uint8_t>(tag & kTokenMask);
    if ((tag & kAttributeBit) != 0 || token < kFirstTag) {
        return RootCheck::not_wbxml;
    }
    const CommandFacts* facts = facts_of(command);
    const bool same = facts != nullptr && facts->root_token != kNoRoot &&
                      facts->root_page == page && facts->root_token == token;
    return same ? RootCheck::matches : RootCheck::differs;
}

RootCheck check_body_start(const EasRequest& request, std::string_view start) {
    const CommandFacts* facts = facts_of(request.command);
    const bool may_be_mail =
        facts != nullptr && facts->mime_body && request.protocol_version < kFirstWbxmlMail;
    if (may_be_mail && !start.empty() && start.front() != kWbxmlHeader.front()) {
        return RootCheck::matches;
    }
    return check_root(request.command, start);
}

}  // namespace eg::filters::eas
