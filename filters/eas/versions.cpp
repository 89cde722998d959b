#include "filters/eas/versions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/text.h"

namespace eg::filters::eas {

namespace {

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 7> kVersions{{
    {std::uint16_t{25}, "2.5"},
    {std::uint16_t{120}, "12.0"},
    {std::uint16_t{121}, "12.1"},
    {std::uint16_t{140}, "14.0"},
    {std::uint16_t{141}, "14.1"},
    {std::uint16_t{160}, "16.0"},
    {std::uint16_t{161}, "16.1"},
}};

/// 0 for what is no version.
std::uint8_t bit_of(std::uint16_t version) {
    for (std::size_t i = 0; i < kVersions.size(); ++i) {
        if (kVersions[i].first == version) {
            return static_cast<std::uint8_t>(1U << i);
        }
    }
    return 0;
}

}  // namespace

bool is_version(std::uint16_t version) {
    return !version_text(version).empty();
}

std::string_view version_text(std::uint16_t version) {
    for (const auto& [its_version, text] : kVersions) {
        if (version == its_version) {
            return text;
        }
    }
    return {};
}

std::uint16_t version_number(std::string_view text) {
    for (const auto& [version, its_text] : kVersions) {
        if (text == its_text) {
            return version;
        }
    }
    return 0;
}

VersionSet::VersionSet(std::span<const std::string> names) {
    for (const std::string& name : names) {
        bits_ |= bit_of(version_number(name));
    }
}

bool VersionSet::contains(std::uint16_t version) const {
    return is_every() || (bits_ & bit_of(version)) != 0;
}

ShortText VersionSet::narrow(std::string_view list) const {
    constexpr std::size_t kMost = 36;  // all of them, with commas
    ShortText narrowed;
    char* out = narrowed.room(kMost);
    std::size_t size = 0;
    std::uint8_t left = bits_;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        const std::string_view name = trim(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
        const std::uint8_t bit = bit_of(version_number(name));
        if ((left & bit) == 0) {
            continue;
        }
        left &= static_cast<std::uint8_t>(~bit);
        if (size != 0) {
            out[size++] = ',';
        }
        size += name.copy(out + size, name.size());
    }
    narrowed.cut(size);
    return narrowed;
}

}  // namespace eg::filters::eas
