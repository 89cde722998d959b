#include "filters/names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "proxy/base/words.h"

namespace eg::filters {

namespace {

constexpr char32_t kNotUtf8 = 0x8000'0000;  // plus the byte: above every code point

/// Takes one code point, or one byte that isn't part of any, off the front.
char32_t next_code_point(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    std::size_t more = 0;
    char32_t c = first;
    if (first >= 0xC2 && first < 0xE0) {
        more = 1;
        c = first & 0x1FU;
    } else if (first >= 0xE0 && first < 0xF0) {
        more = 2;
        c = first & 0x0FU;
    } else if (first >= 0xF0 && first < 0xF5) {
        more = 3;
        c = first & 0x07U;
    } else if (first >= 0x80) {
        c = kNotUtf8 + first;
    }
    if (text.size() <= more) {
        text.remove_prefix(1);
        return kNotUtf8 + first;
    }
    for (std::size_t i = 1; i <= more; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0) != 0x80) {
            text.remove_prefix(1);
            return kNotUtf8 + first;
        }
        c = c << 6 | (byte & 0x3FU);
    }
    text.remove_prefix(more + 1);
    return c;
}

/// A run of letters: `step` 0 folds each by adding `distance`; otherwise upper and lower case take
/// turns, and the upper one is even (2) or odd (1).
struct FoldRange {
    char32_t first;
    char32_t last;
    char32_t distance;
    unsigned step;
};

// U+00D7 (the multiplication sign), U+0130, U+0131, U+0138 and U+0149 have no simple folding;
// U+0178 folds into Latin-1. In Greek, accented capitals fold irregularly and stand alone.
constexpr std::array<FoldRange, 19> kFoldRanges{{
    {'A', 'Z', 32, 0},       {0x00C0, 0x00D6, 32, 0}, {0x00D8, 0x00DE, 32, 0},
    {0x0100, 0x012F, 1, 2},  {0x0132, 0x0137, 1, 2},  {0x0139, 0x0148, 1, 1},
    {0x014A, 0x0177, 1, 2},  {0x0179, 0x017E, 1, 1},  {0x0386, 0x0386, 38, 0},
    {0x0388, 0x038A, 37, 0}, {0x038C, 0x038C, 64, 0}, {0x038E, 0x038F, 63, 0},
    {0x0391, 0x03A1, 32, 0}, {0x03A3, 0x03AB, 32, 0}, {0x03D8, 0x03EF, 1, 2},
    {0x0400, 0x040F, 80, 0}, {0x0410, 0x042F, 32, 0}, {0x0460, 0x0481, 1, 2},
    {0x048A, 0x04BF, 1, 2},
}};

char32_t fold_rest_of_cyrillic(char32_t c) {
    if (c == 0x04C0) {
        return 0x04CF;
    }
    if (c >= 0x04C1 && c <= 0x04CE) {
        return c % 2 == 1 ? c + 1 : c;
    }
    return c >= 0x04D0 && c <= 0x052F && c % 2 == 0 ? c + 1 : c;
}

char32_t fold_single(char32_t c) {
    switch (c) {
        case 0x00B5:
            return 0x03BC;  // micro sign, mu
        case 0x0178:
            return 0x00FF;
        case 0x017F:
            return 's';  // long s
        case 0x03C2:
            return 0x03C3;  // final sigma
        case 0x03CF:
            return 0x03D7;
        case 0x03D0:
            return 0x03B2;
        case 0x03D1:
            return 0x03B8;
        case 0x03D5:
            return 0x03C6;
        case 0x03D6:
            return 0x03C0;
        case 0x03F0:
            return 0x03BA;
        case 0x03F1:
            return 0x03C1;
        case 0x03F4:
            return 0x03B8;
        case 0x03F5:
            return 0x03B5;
        case 0x03F7:
            return 0x03F8;
        case 0x03F9:
            return 0x03F2;
        case 0x03FA:
            return 0x03FB;
        default:
            return c >= 0x03FD && c <= 0x03FF ? c - 130 : c;
    }
}

struct SplitName {
    std::string_view name{};
    std::string_view domain{};
    bool qualified = false;  // `name` is the whole text if not
    bool odd = false;        // more than one separator, or nothing on a side that needs something
};

SplitName split(std::string_view text) {
    const std::size_t separator = text.find_first_of("\\@");
    if (separator == std::string_view::npos) {
        return {.name = text};
    }
    const std::string_view before = text.substr(0, separator);
    const std::string_view after = text.substr(separator + 1);
    if (after.find_first_of("\\@") != std::string_view::npos || after.empty()) {
        return {.name = text, .qualified = true, .odd = true};
    }
    if (text[separator] == '@') {
        return {.name = before, .domain = after, .qualified = true, .odd = before.empty()};
    }
    return {.name = after, .domain = before, .qualified = !before.empty()};
}

}  // namespace

char32_t fold(char32_t c) {
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    if (const char32_t single = fold_single(c); single != c) {
        return single;
    }
    for (const FoldRange& range : kFoldRanges) {
        if (c >= range.first && c <= range.last) {
            const bool upper = range.step == 0 || c % 2 == range.step % 2;
            return upper ? c + range.distance : c;
        }
    }
    return fold_rest_of_cyrillic(c);
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
    // Where both are ASCII their letters stand at the same places; the rest goes letter by letter.
    while (std::min(a.size(), b.size()) >= words::kBytes) {
        const std::uint64_t x = words::load(a.data());
        const std::uint64_t y = words::load(b.data());
        if (!words::is_ascii(x | y)) {
            break;
        }
        if (words::lower(x) != words::lower(y)) {
            return false;
        }
        a.remove_prefix(words::kBytes);
        b.remove_prefix(words::kBytes);
    }
    if (a.size() == b.size() && a.size() < words::kBytes) {
        const std::uint64_t x = words::load_some(a.data(), a.size());
        const std::uint64_t y = words::load_some(b.data(), b.size());
        if (words::is_ascii(x | y)) {
            return words::lower(x) == words::lower(y);
        }
    }
    while (!a.empty() && !b.empty()) {
        if (fold(next_code_point(a)) != fold(next_code_point(b))) {
            return false;
        }
    }
    return a.empty() && b.empty();
}

std::uint32_t user_key(std::string_view name) {
    const SplitName parts = split(name);
    std::string_view text = parts.odd ? name : parts.name;
    std::uint32_t hash = 2'166'136'261;  // FNV-1a, over code points instead of bytes
    while (!text.empty()) {
        hash = (hash ^ static_cast<std::uint32_t>(fold(next_code_point(text)))) * 16'777'619U;
    }
    return hash;
}

bool user_matches(std::string_view listed, std::string_view claimed,
                  const std::vector<std::string>& domains) {
    if (claimed.empty()) {
        return false;
    }
    if (equal_but_for_case(listed, claimed)) {
        return true;
    }
    const SplitName entry = split(listed);
    const SplitName name = split(claimed);
    if (entry.qualified || name.odd || !equal_but_for_case(entry.name, name.name)) {
        return false;
    }
    return !name.qualified || domains.empty() ||
           std::any_of(domains.begin(), domains.end(), [&](const std::string& domain) {
               return equal_but_for_case(domain, name.domain);
           });
}

}  // namespace eg::filters
