/// The root element of a WBXML body, from its first bytes ([MS-ASWBXML] 2.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/eas/command.h"

namespace eg::filters::eas {

enum class RootCheck : std::uint8_t {
    matches,    // the root element is that of the command
    differs,    // well formed, another root
    not_wbxml,  // doesn't start like a document of ActiveSync
    need_more,  // too few bytes to say
};

/// How many bytes of the body are enough for any answer but need_more.
inline constexpr std::size_t kRootBytes = 16;

/// `start`: the first bytes of a body that isn't empty.
[[nodiscard]] RootCheck check_root(Command command, std::string_view start);

}  // namespace eg::filters::eas
