#include "mdm/api/cursor.h"

#include <limits>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::mdm {

std::string print_cursor(std::string_view feed_id, std::int64_t number) {
    return fmt::format("{}.{}", feed_id, number);
}

std::optional<std::int64_t> parse_cursor(std::string_view text, std::string_view feed_id) {
    if (!text.starts_with(feed_id) || text.size() <= feed_id.size() ||
        text[feed_id.size()] != '.') {
        return std::nullopt;
    }
    const auto number = parse_unsigned(text.substr(feed_id.size() + 1));
    if (!number || *number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(*number);
}

}  // namespace eg::mdm
