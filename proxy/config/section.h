/// YAML text as a tree of values that remember where they stand. The only place that knows
/// yaml-cpp.
///
/// The library parses but doesn't validate: it keeps doubled keys, ends an open quote at the end of
/// the file, joins lines, ignores what follows the document, guesses types. So its events are read,
/// not its nodes: scalars keep their text, and each of those traps is a problem that says where it
/// is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/problem.h"

namespace eg::config {

/// Deepest nesting of lists and maps; our own files need four.
inline constexpr std::size_t kMaxDepth = 32;
/// Largest configuration file, in bytes.
inline constexpr std::size_t kMaxSourceBytes = 1024 * 1024;
/// Problems reported at once; the rest is counted.
inline constexpr std::size_t kMaxProblems = 100;

struct Member;

/// A scalar, a list, a map, or nothing (`key:` without a value, `~`, `null`).
struct Section {
    enum class Kind : unsigned char { nothing, scalar, list, map };

    Kind kind = Kind::nothing;
    bool quoted = false;  // the text stood in quotes, so that it is no number or boolean
    Position at;
    std::string text;
    std::vector<Section> items;
    std::vector<Member> members;

    /// The value of `key`, or null.
    [[nodiscard]] const Member* find(std::string_view key) const;
};

struct Member {
    std::string key;
    Position at;
    Section value;
};

/// `a map`, `a list`, `a text` … for messages.
[[nodiscard]] std::string_view describe(Section::Kind kind);

/// Parses one document. Nothing if the text is no YAML; what was read wrongly but can be gone on
/// with (a doubled key) is a problem, and the tree is returned all the same. Problems name no file.
[[nodiscard]] std::optional<Section> parse_yaml(std::string_view text, Problems& problems);

}  // namespace eg::config
