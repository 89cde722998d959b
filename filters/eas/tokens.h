/// Names and numbers of ActiveSync's binary XML ([MS-ASWBXML] 2.1). Immutable data, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace eg::filters::eas {

/// Version 1.3, unknown public id, UTF-8, an empty string table: how every document of ActiveSync
/// begins ([MS-ASWBXML] 2.1.2).
inline constexpr std::string_view kWbxmlHeader("\x03\x01\x6A\x00", 4);

// Global tokens; those of WBXML 1.3, 7.1 that are missing here are never used ([MS-ASWBXML] 2.1.1).
inline constexpr std::uint8_t kSwitchPage = 0x00;
inline constexpr std::uint8_t kEnd = 0x01;
inline constexpr std::uint8_t kInlineText = 0x03;
inline constexpr std::uint8_t kOpaque = 0xC3;

// The parts of a tag's byte.
inline constexpr std::uint8_t kContentBit = 0x40;
inline constexpr std::uint8_t kAttributeBit = 0x80;  // never used
inline constexpr std::uint8_t kTokenMask = 0x3F;
inline constexpr std::uint8_t kFirstTag = 0x05;

inline constexpr std::size_t kCodePages = 26;

/// A tag: its code page, and its token without the content bit.
struct Tag {
    std::uint8_t page = 0;
    std::uint8_t token = 0;
    friend bool operator==(Tag, Tag) = default;
};

/// `AirSync` for 0; "" for a page that doesn't exist.
[[nodiscard]] std::string_view namespace_of(std::uint8_t page);
/// `Sync` for {0, 5}; "" for a tag that isn't assigned, today or in protocol 2.5. Cost: an index.
[[nodiscard]] std::string_view name_of(Tag tag);
/// Nothing for a name that isn't assigned in that namespace. Letter case counts. Cost: a search.
[[nodiscard]] std::optional<Tag> find_tag(std::string_view name_space, std::string_view name);

}  // namespace eg::filters::eas
