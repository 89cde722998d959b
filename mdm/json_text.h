/// JSON strings into a text. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/device/record.h"

namespace eg::mdm {

/// Appends `text`, which must be UTF-8, in quotes, with what RFC 8259 7 wants escaped.
void append_json_string(std::string& out, std::string_view text);

/// Appends `,"keys":[…]`, or nothing if there are none.
void append_json_keys(std::string& out, std::span<const device::KeyHash> keys);

}  // namespace eg::mdm
