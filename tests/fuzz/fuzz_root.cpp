// Properties: an answer doesn't change when more bytes come; kRootBytes are enough for one; no
// document is that of two commands.

#include <algorithm>

#include "filters/eas/root.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace eg;
    using namespace eg::filters::eas;
    const std::string_view start = eg::fuzz::as_text(data, size);
    int matches = 0;
    for (const CommandFacts& facts : all_commands()) {
        const RootCheck whole = check_root(facts.command, start);
        matches += whole == RootCheck::matches ? 1 : 0;
        EG_CHECK(whole != RootCheck::need_more || start.size() < kRootBytes);
        for (std::size_t taken = 0; taken < std::min(start.size(), kRootBytes); ++taken) {
            const RootCheck early = check_root(facts.command, start.substr(0, taken));
            EG_CHECK(early == RootCheck::need_more || early == whole);
        }
        EasRequest request;
        request.command = facts.command;
        for (const unsigned version : {0U, 121U, 141U}) {
            request.protocol_version = static_cast<std::uint16_t>(version);
            const RootCheck body = check_body_start(request, start);
            const bool mail =
                facts.mime_body && version < 140 && !start.empty() && start.front() != '\x03';
            EG_CHECK(body == (mail ? RootCheck::matches : whole));
        }
    }
    EG_CHECK(matches <= 1);
    return 0;
}
