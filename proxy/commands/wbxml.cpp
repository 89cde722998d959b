#include "proxy/commands/wbxml.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/commands/wbxml_text.h"

namespace eg::commands {

namespace {

constexpr int kDone = 0;
constexpr int kMalformed = 1;
constexpr int kUsage = 64;  // EX_USAGE of sysexits.h

int complain(std::string_view what, int status) {
    fmt::print(stderr, "easgate wbxml: {}\n", what);
    return status;
}

bool is_hex(std::string_view text, bool spaces) {
    return text.find_first_of("0123456789abcdefABCDEF") != std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [spaces](char c) {
               return hex_value(c) >= 0 ||
                      (spaces && (c == ' ' || c == '\n' || c == '\r' || c == '\t'));
           });
}

/// Nothing for an odd number of digits.
std::expected<std::string, std::string> from_hex(std::string_view text) {
    std::string bytes;
    int high = -1;
    for (const char c : text) {
        const int value = hex_value(c);
        if (value >= 0) {
            if (high >= 0) {
                bytes += static_cast<char>(high << 4 | value);
            }
            high = high >= 0 ? -1 : value;
        }
    }
    if (high >= 0) {
        return std::unexpected("an odd number of hexadecimal digits");
    }
    return bytes;
}

std::expected<std::string, std::string> read_stream(const std::string& name) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        name == "-" ? stdin : std::fopen(name.c_str(), "re"),
        [](std::FILE* open) { return open == nullptr || open == stdin ? 0 : std::fclose(open); });
    std::string content;
    std::array<char, 65536> piece{};
    std::size_t got = 0;
    // One byte over the limit is enough to be told that it is too long.
    while (file != nullptr && content.size() <= kMostWbxmlBytes &&
           (got = std::fread(piece.data(), 1, piece.size(), file.get())) != 0) {
        content.append(piece.data(), got);
    }
    if (file == nullptr || std::ferror(file.get()) != 0) {
        return std::unexpected(fmt::format(
            "can't read {}: {}", name == "-" ? "standard input" : name, std::strerror(errno)));
    }
    return content;
}

}  // namespace

int wbxml(const WbxmlOptions& options) {
    std::string document = options.source;
    bool digits = is_hex(document, false);
    if (!digits) {
        auto content = read_stream(document);
        if (!content) {
            return complain(content.error(), kUsage);
        }
        document = std::move(*content);
        // Neither a binary document nor XML begins with a digit, so this can't be meant otherwise.
        digits = is_hex(document, true);
    }
    if (digits) {
        auto bytes = from_hex(document);
        if (!bytes) {
            return complain(bytes.error(), kMalformed);
        }
        document = std::move(*bytes);
    }
    const auto converted = options.encode ? xml_to_wbxml(document) : wbxml_to_xml(document);
    if (!converted) {
        return complain(converted.error(), kMalformed);
    }
    const std::string out = options.hex ? lower(to_hex(*converted)) + '\n' : *converted;
    const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size();
    return written && std::fflush(stdout) == 0 ? kDone : complain("can't write", kMalformed);
}

}  // namespace eg::commands
