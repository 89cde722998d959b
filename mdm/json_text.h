/// JSON strings into a text. Pure.
#pragma once

#include <string>
#include <string_view>

namespace eg::mdm {

/// Appends `text`, which must be UTF-8, in quotes, with what RFC 8259 7 wants escaped.
void append_json_string(std::string& out, std::string_view text);

}  // namespace eg::mdm
