/// ActiveSync's binary XML as XML for people, and back. Pure.
///
/// Elements bear the names of [MS-ASWBXML] 2.1.2.1 in the namespaces `AirSync:`, `Email:` and so
/// on. ActiveSync has no attributes; ours, `content`, says how a value is written where XML can't:
/// `opaque` and `opaque-base64` (raw bytes), `text-base64` (a text with control characters), `text`
/// (an empty one) and `nothing` (begun and ended with nothing between).
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace eg::commands {

/// Of a document or its XML, in bytes; both are held in memory.
inline constexpr std::size_t kMostWbxmlBytes = 64U << 20U;

/// Errors: a sentence that begins with the place, `byte 7: …`.
[[nodiscard]] std::expected<std::string, std::string> wbxml_to_xml(std::string_view document);

/// Takes what wbxml_to_xml() gives, and what people write: any prefixes, namespaces with and
/// without the colon at their end, or `AirSync:Sync` without a declaration. White space between
/// elements doesn't count. Errors: as above, `line 3: …`.
[[nodiscard]] std::expected<std::string, std::string> xml_to_wbxml(std::string_view xml);

}  // namespace eg::commands
