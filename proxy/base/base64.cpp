#include "proxy/base/base64.h"

#include <array>

#include "proxy/base/text.h"

namespace eg {

namespace {

// What a digit stands for, and beside it which alphabet it belongs to. A byte of none bears both
// marks: whether a text has one or mixes the alphabets, in the end both marks are set.
constexpr unsigned kStandard = 0x40;
constexpr unsigned kUrlSafe = 0x80;
constexpr unsigned kValue = 0x3F;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kStandard | kUrlSafe);
    constexpr std::string_view kCommon =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (std::size_t i = 0; i < kCommon.size(); ++i) {
        digits[static_cast<unsigned char>(kCommon[i])] = static_cast<std::uint8_t>(i);
    }
    digits['+'] = 62 | kStandard;
    digits['/'] = 63 | kStandard;
    digits['-'] = 62 | kUrlSafe;
    digits['_'] = 63 | kUrlSafe;
    return digits;
}();

unsigned digit(char c) {
    return kDigits[static_cast<unsigned char>(c)];
}

}  // namespace

std::optional<std::size_t> base64_decode_into(std::string_view text, char* out, Base64 alphabet) {
    const std::size_t full = text.size();
    while (!text.empty() && text.back() == '=' && full - text.size() < 2) {
        text.remove_suffix(1);
    }
    const std::size_t rest = text.size() % 4;
    if (rest == 1 || (text.size() != full && full % 4 != 0)) {
        return std::nullopt;
    }
    const char* at = text.data();
    const char* const last = at + (text.size() - rest);
    char* const begin = out;
    unsigned marks = alphabet == Base64::standard ? kStandard : 0;
    for (; at != last; at += 4, out += 3) {
        const unsigned a = digit(at[0]);
        const unsigned b = digit(at[1]);
        const unsigned c = digit(at[2]);
        const unsigned d = digit(at[3]);
        marks |= a | b | c | d;
        const unsigned group =
            (a & kValue) << 18 | (b & kValue) << 12 | (c & kValue) << 6 | (d & kValue);
        out[0] = static_cast<char>(group >> 16);
        out[1] = static_cast<char>(group >> 8);
        out[2] = static_cast<char>(group);
    }
    unsigned left_over = 0;  // unused bits must be 0: else there is a second spelling
    if (rest != 0) {
        const unsigned a = digit(at[0]);
        const unsigned b = digit(at[1]);
        const unsigned c = rest == 3 ? digit(at[2]) : 0;
        marks |= a | b | c;
        *out++ = static_cast<char>((a & kValue) << 2 | (b & kValue) >> 4);
        left_over = b & 0xFU;
        if (rest == 3) {
            *out++ = static_cast<char>((b & 0xFU) << 4 | (c & kValue) >> 2);
            left_over = c & 3U;
        }
    }
    if ((marks & (kStandard | kUrlSafe)) == (kStandard | kUrlSafe) || left_over != 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(out - begin);
}

std::optional<std::string> base64_decode(std::string_view text) {
    std::string out(base64_room(text.size()), '\0');
    const std::optional<std::size_t> size = base64_decode_into(text, out.data());
    if (!size) {
        return std::nullopt;
    }
    out.resize(*size);
    return out;
}

}  // namespace eg
