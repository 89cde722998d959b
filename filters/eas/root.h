/// The root element of a WBXML body, from its first bytes ([MS-ASWBXML] 2.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/eas/command.h"
#include "filters/eas/request.h"

namespace eg::filters::eas {

enum class RootCheck : std::uint8_t {
    matches,    // the root element is that of the command
    differs,    // well formed, another root
    not_wbxml,  // doesn't start like a document of ActiveSync
    need_more,  // too few bytes to say
};

/// How many bytes of the body are enough for any answer but need_more.
inline constexpr std::size_t kRootBytes = 16;

/// `start`: the first bytes of a body that isn't empty. Any switches of the code page before the
/// first tag are followed, as far as kRootBytes go; a root with attributes, a string table or
/// another character set is not_wbxml. A command without a root (GetAttachment, none) differs from
/// every document. Where the body ends, need_more means not_wbxml.
[[nodiscard]] RootCheck check_root(Command command, std::string_view start);

/// The same for a body that may be mail: SendMail, SmartForward and SmartReply send message/rfc822
/// up to 12.1 (and where no version is said), which has no root to check and `matches`. Mail never
/// begins with WBXML's first byte, and a server may execute what does, so that is held to its root.
[[nodiscard]] RootCheck check_body_start(const EasRequest& request, std::string_view start);

}  // namespace eg::filters::eas
