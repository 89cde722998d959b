#include "mdm/commands/table.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace eg::mdm {
namespace {

/// Characters, not bytes, so that names with umlauts stay aligned.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
}

std::string Table::take() {
    for (auto& row : rows_) {
        widths_.resize(std::max(widths_.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (row[i].empty()) {
                row[i] = "-";
            }
            widths_[i] = std::max(widths_[i], width_of(row[i]));
        }
    }
    std::string text;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size()) {
                text.append(widths_[i] - width_of(row[i]) + 2, ' ');
            }
        }
        text += '\n';
    }
    rows_.clear();
    return text;
}

std::string local_time(std::int64_t epoch_seconds) {
    if (epoch_seconds == 0) {
        return "never";
    }
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::time_t{epoch_seconds}));
}

std::string utc_time(std::int64_t epoch_seconds) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time_t{epoch_seconds}));
}

}  // namespace eg::mdm
