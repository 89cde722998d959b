/// One map of the file while it is read: typed access to its keys, and what to say if they are
/// wrong.
///
/// A key that is absent leaves its default; a key that is wrong is a problem and leaves the
/// default. Each key that is asked for is known; finish() reports the others. Lives during reading
/// only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/base/secret.h"
#include "proxy/base/units.h"
#include "proxy/config/problem.h"
#include "proxy/config/read.h"
#include "proxy/config/section.h"

namespace eg::config {

/// What the sections of one file share while it is read.
struct Reading {
    std::string folder;  // of the file; relative names are resolved against it
    Problems problems;
    Positions positions;
    std::vector<std::string> known;  // every key asked for, `instances[].name`
};

/// Both ends are allowed.
struct Range {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};
struct DurationRange {
    Milliseconds least{};
    Milliseconds most{};
};

class Fields {
  public:
    /// `section` null or empty: every key has its default. Not a map: a problem.
    Fields(Reading& reading, const Section* section, std::string path);
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;

    /// A text of one line.
    void text(std::string_view key, std::string& out);
    /// A word: as text(), but a number in it needs no quotes (names, hosts).
    void word(std::string_view key, std::string& out);
    /// A file name; a relative one is resolved, "" stays.
    void file(std::string_view key, std::string& out);
    void secret(std::string_view key, Secret& out);
    void boolean(std::string_view key, bool& out);
    void number(std::string_view key, std::uint64_t& out, Range range);
    void number(std::string_view key, unsigned& out, Range range);
    void duration(std::string_view key, Milliseconds& out, DurationRange range);
    void size(std::string_view key, Bytes& out, Range range);
    template <typename Enum, std::size_t N>
    void choice(std::string_view key, Enum& out,
                const std::pair<std::string_view, Enum> (&choices)[N]);

    /// The texts of a list; `single` allows one text in its place. Problems name `key[2]`.
    void texts(std::string_view key, std::vector<std::string>& out, bool single);

    /// Keys of later versions: known, but with nothing else than what this version does.
    void later_list(std::string_view key);
    /// `choices[0]` is the default.
    void later_choice(std::string_view key, std::span<const std::string_view> choices);

    /// Any value, a map below this one too; null if absent. The key becomes a known one.
    [[nodiscard]] const Section* value(std::string_view key);
    [[nodiscard]] std::string path(std::string_view key) const;
    /// Whether the file has that key (only those asked for).
    [[nodiscard]] bool has(std::string_view key) const;

    void problem(std::string_view key, std::string message);
    /// The usual sentence: what was expected, what is there instead.
    void expected(std::string_view key, const Section& got, std::string_view what);
    /// Reports the keys that nobody asked for.
    void finish();

  private:
    /// The text of a scalar; null if the key is absent, or wrong and reported.
    const Section* scalar(std::string_view key, std::string_view expected);
    void not_in_this_version(std::string_view key, std::string_view instead);
    void unknown(const Member& member);

    Reading& reading_;
    const Section* section_;
    std::string path_;
    std::vector<std::string> asked_;
};

/// `instances[12].name` to `instances[].name`.
[[nodiscard]] std::string without_index(std::string_view path);

/// A value as an error may repeat it: short, printable, in quotes.
[[nodiscard]] std::string shown(const Section& value);

/// `a, b or c`.
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

template <typename Enum, std::size_t N>
void Fields::choice(std::string_view key, Enum& out,
                    const std::pair<std::string_view, Enum> (&choices)[N]) {
    std::vector<std::string_view> words;
    for (const auto& [word, meaning] : choices) {
        words.push_back(word);
    }
    const std::string what = listed(words);
    const Section* value = scalar(key, what);
    if (value == nullptr) {
        return;
    }
    for (const auto& [word, meaning] : choices) {
        if (value->text == word) {
            out = meaning;
            return;
        }
    }
    expected(key, *value, what);
}

}  // namespace eg::config
