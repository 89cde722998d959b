/// Writing a line into memory that is there, as long as nothing in it needs escaping: that is
/// nearly every line. One that does is no longer plain() and is written anew with escape.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "proxy/base/decimal.h"
#include "proxy/base/words.h"
#include "proxy/log/escape.h"

namespace eg::log {

enum class Style : std::uint8_t { word, quoted, rest, json };

/// Whether eight bytes pass as they are in that style.
template <Style style>
[[nodiscard]] bool all_plain(std::uint64_t word) {
    const bool printable =
        words::between(word, style == Style::word ? '!' : ' ', '~') == words::kTops;
    const bool quote = style != Style::rest && words::any(word, '"') != 0;
    return printable && !quote && words::any(word, '\\') == 0;
}

class PlainLine {
  public:
    /// Room beside the values for what access lines consist of, and for what copy() writes beyond.
    static constexpr std::size_t kRoom = 640;

    /// `at`: memory for the values and kRoom.
    explicit PlainLine(char* at) : at_(at) {}
    [[nodiscard]] bool plain() const { return plain_; }
    [[nodiscard]] char* end() const { return at_; }

    void raw(std::string_view text) { at_ = std::copy(text.begin(), text.end(), at_); }
    template <Style style>
    void value(std::string_view text) {
        constexpr bool kQuotes = style != Style::word;
        if (kQuotes) {
            *at_++ = '"';
        }
        if (style != Style::json && text.empty()) {
            *at_++ = '-';
        } else if (text.size() > kMostValueBytes || (style != Style::json && text == "-")) {
            plain_ = false;
        } else {
            copy<style>(text);
        }
        if (kQuotes) {
            *at_++ = '"';
        }
    }
    void number(std::uint64_t value) { at_ = write_decimal(at_, value); }

  private:
    /// Writes whole words: up to seven bytes beyond the text.
    template <Style style>
    void copy(std::string_view text) {
        char* const begin = at_;
        at_ += text.size();
        if (text.size() < words::kBytes) {
            const std::uint64_t word = words::load_some(text.data(), text.size());
            std::memcpy(begin, &word, sizeof word);
            check<style>(word | words::kOnes * std::uint64_t{'x'} << 8 * text.size());
            return;
        }
        for (std::size_t i = 0; i + words::kBytes <= text.size(); i += words::kBytes) {
            move<style>(begin + i, text.data() + i);
        }
        move<style>(at_ - words::kBytes, text.data() + text.size() - words::kBytes);
    }
    template <Style style>
    void move(char* to, const char* from) {
        const std::uint64_t word = words::load(from);
        std::memcpy(to, &word, sizeof word);
        check<style>(word);
    }
    template <Style style>
    void check(std::uint64_t word) {
        plain_ = plain_ & all_plain<style>(word);
    }

    char* at_;
    bool plain_ = true;
};

/// The same with a string that grows, and each value escaped.
class EscapedLine {
  public:
    explicit EscapedLine(std::string& out) : out_(out) {}
    void raw(std::string_view text) { out_.append(text); }
    template <Style style>
    void value(std::string_view text) {
        if constexpr (style == Style::word) {
            append_word(out_, text);
        } else if constexpr (style == Style::quoted) {
            append_quoted(out_, text);
        } else {
            append_json_string(out_, text);
        }
    }
    void number(std::uint64_t value) { append_decimal(out_, value); }

  private:
    std::string& out_;
};

}  // namespace eg::log
