/// Making foreign bytes harmless in a log line: one line stays one line, one value stays one value.
///
/// Escaped are control bytes, bytes that are not UTF-8, and the Unicode characters that start a
/// line, look like a space, or change how the rest of a line is shown (C1, U+00A0, U+2028, U+202E
/// and their like). Any thread; no state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eg::log {

/// Longer values are cut and end in `[cut]`: strangers choose how long they are.
inline constexpr std::size_t kMostValueBytes = 1024;

/// A value between spaces: also space, quote and backslash become `\xHH`. Empty is `-`; a lone `-`
/// is `\x2D`.
void append_word(std::string& out, std::string_view value);
/// The same in quotes, where a space stays a space. Empty is `"-"`.
void append_quoted(std::string& out, std::string_view value);
/// The rest of a line: quotes and spaces stay. Cut at 64 times the limit only, since it is our own
/// text.
void append_rest(std::string& out, std::string_view value);
/// A JSON string with its quotes. A byte that is not UTF-8 becomes the character of its number,
/// `\u00HH`.
void append_json_string(std::string& out, std::string_view value);
/// The same, with the limit of append_rest.
void append_json_rest(std::string& out, std::string_view value);

}  // namespace eg::log
