#include "proxy/base/words.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proxy/base/text.h"

using namespace eg;

namespace {

/// Each byte in each place of a word of others, some of which have the top bit.
template <typename Check>
void for_every_byte(Check&& check) {
    for (const std::string_view others : {"aaaaaaaa", "\xFF\x80 Zz\x7F~0"}) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            for (std::size_t place = 0; place < words::kBytes; ++place) {
                std::string text(others);
                text[place] = static_cast<char>(byte);
                check(text, words::load(text.data()));
            }
        }
    }
}

std::string text_of(std::uint64_t word) {
    std::string text(words::kBytes, '\0');
    std::memcpy(text.data(), &word, sizeof word);
    return text;
}

/// Which bytes a word of top bits stands for.
std::vector<bool> bytes_of(std::uint64_t tops) {
    std::vector<bool> bytes;
    for (std::size_t i = 0; i < words::kBytes; ++i) {
        bytes.push_back((tops >> 8 * i & 0x80U) != 0);
    }
    return bytes;
}

template <typename Passes>
std::vector<bool> passing(const std::string& text, Passes&& passes) {
    std::vector<bool> bytes;
    for (const char c : text) {
        bytes.push_back(passes(c));
    }
    return bytes;
}

}  // namespace

TEST_CASE("what a word says of its bytes is what each byte says") {
    for_every_byte([](const std::string& text, std::uint64_t word) {
        CHECK(text_of(words::lower(word)) == lower(text));
        CHECK(text_of(words::upper(word)) == upper(text));
        CHECK(bytes_of(words::controls(word)) == passing(text, [](char c) {
                  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
              }));
        CHECK(bytes_of(words::between(word, '!', '~')) ==
              passing(text, [](char c) { return c >= '!' && c <= '~'; }));
        const std::vector<bool> alnum = passing(text, is_alnum);
        CHECK(words::all_alnum(word) == (alnum == std::vector<bool>(words::kBytes, true)));
        CHECK((words::any(word, 'a') != 0) == text.contains('a'));
        CHECK((words::any(word, '%') != 0) == text.contains('%'));
        const std::vector<bool> ascii =
            passing(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
        CHECK(words::is_ascii(word) == (ascii == std::vector<bool>(words::kBytes, true)));
    });
}

TEST_CASE("a few bytes become a word with zeros above them") {
    const std::string text =
        "\xFF"
        "bcdefg";
    for (std::size_t count = 0; count < words::kBytes; ++count) {
        // Of its own, so that a sanitizer sees what is read beyond.
        const std::vector<char> part(text.begin(),
                                     text.begin() + static_cast<std::ptrdiff_t>(count));
        std::string wanted(part.begin(), part.end());
        wanted.resize(words::kBytes);
        CHECK(text_of(words::load_some(part.data(), count)) == wanted);
    }
    CHECK(words::word_of("cmd") == words::load_some("cmd", 3));
}

TEST_CASE("a text of any length is looked at as a whole, filled up where it is short") {
    for (std::size_t size = 0; size < 30; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            std::string text(size, 'x');
            text[place] = '\n';
            CHECK_FALSE(words::for_all(
                text, ' ', [](std::uint64_t word) { return words::controls(word) == 0; }));
        }
        CHECK(words::for_all(std::string(size, 'x'), ' ',
                             [](std::uint64_t word) { return words::controls(word) == 0; }));
    }
}
