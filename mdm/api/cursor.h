/// The cursor of the feed: opaque to the gate, `<feed id>.<change number>` to us. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace eg::mdm {

[[nodiscard]] std::string print_cursor(std::string_view feed_id, std::int64_t number);

/// The number of a cursor that this feed gave; nothing for any other text (another table's, or that
/// of another product that stood here before), which is answered as one that is too old.
[[nodiscard]] std::optional<std::int64_t> parse_cursor(std::string_view text,
                                                       std::string_view feed_id);

}  // namespace eg::mdm
