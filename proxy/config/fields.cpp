#include "proxy/config/fields.h"

#include <algorithm>
#include <filesystem>

#include "proxy/base/text.h"

namespace eg::config {

namespace {

constexpr std::string_view kBooleans = "true or false";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view other) { return iequals(word, other); });
}

bool looks_boolean(std::string_view word) {
    return is_one_of(word, {"true", "false", "yes", "no", "on", "off"});
}

bool looks_numeric(std::string_view word) {
    return !word.empty() &&
           word.find_first_not_of("0123456789+-._eExX") == std::string_view::npos &&
           std::any_of(word.begin(), word.end(), is_digit);
}

/// `010`, `0600s`: octal to some readers of YAML, decimal to others.
bool has_leading_zero(std::string_view word) {
    return word.size() > 1 && word[0] == '0' && is_digit(word[1]);
}

bool is_one_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
}

}  // namespace

std::string without_index(std::string_view path) {
    std::string out;
    bool inside = false;
    for (const char c : path) {
        inside = inside && c != ']';
        if (!inside) {
            out += c;
        }
        inside = inside || c == '[';
    }
    return out;
}

std::string shown(const Section& value) {
    constexpr std::size_t kLongest = 60;
    if (value.kind != Section::Kind::scalar) {
        return std::string(describe(value.kind));
    }
    std::string out = "'";
    for (const char c : std::string_view(value.text).substr(0, kLongest)) {
        out += static_cast<unsigned char>(c) >= 0x20 && c != 0x7F ? c : '?';
    }
    while (!is_utf8(out)) {
        out.pop_back();  // a character that was cut in two
    }
    return out + (value.text.size() > kLongest ? "…'" : "'");
}

std::string listed(std::span<const std::string_view> words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        out += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

Fields::Fields(Reading& reading, const Section* section, std::string path)
    : reading_(reading), section_(section), path_(std::move(path)) {
    if (section_ != nullptr && section_->kind == Section::Kind::nothing) {
        section_ = nullptr;  // `limits:` with every line below it commented out
    }
    if (section_ == nullptr || section_->kind == Section::Kind::map) {
        return;
    }
    Problem problem;
    problem.line = section_->at.line;
    problem.column = section_->at.column;
    problem.key = path_;
    problem.message = fmt::format("expected a map of keys, got {}", shown(*section_));
    reading_.problems.push_back(std::move(problem));
    section_ = nullptr;
}

std::string Fields::path(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Section* Fields::value(std::string_view key) {
    asked_.emplace_back(key);
    reading_.known.push_back(without_index(path(key)));
    const Member* member = section_ == nullptr ? nullptr : section_->find(key);
    if (member == nullptr) {
        return nullptr;
    }
    reading_.positions.insert_or_assign(path(key), member->value.at);
    return &member->value;
}

bool Fields::has(std::string_view key) const {
    return reading_.positions.contains(path(key));
}

void Fields::problem(std::string_view key, std::string message) {
    Problem problem;
    problem.key = path(key);
    if (const auto at = reading_.positions.find(problem.key); at != reading_.positions.end()) {
        problem.line = at->second.line;
        problem.column = at->second.column;
    } else if (const auto above = reading_.positions.find(path_);
               above != reading_.positions.end()) {
        problem.line = above->second.line;
        problem.column = above->second.column;
    }
    problem.message = std::move(message);
    reading_.problems.push_back(std::move(problem));
}

void Fields::expected(std::string_view key, const Section& got, std::string_view what) {
    const bool octal = got.kind == Section::Kind::scalar && has_leading_zero(got.text);
    problem(key,
            fmt::format("expected {}, got {}{}", what, shown(got),
                        octal ? "; a leading zero means octal to some readers, leave it out" : ""));
}

const Section* Fields::scalar(std::string_view key, std::string_view what) {
    const Section* found = value(key);
    if (found == nullptr || found->kind == Section::Kind::scalar) {
        return found;
    }
    if (found->kind == Section::Kind::nothing) {
        problem(key,
                fmt::format("expected {}, got nothing; leave the key out for its default", what));
    } else {
        expected(key, *found, what);
    }
    return nullptr;
}

void Fields::word(std::string_view key, std::string& out) {
    const Section* found = scalar(key, "a text");
    if (found == nullptr) {
        return;
    }
    if (!found->quoted && looks_boolean(found->text)) {
        problem(key, fmt::format("expected a text, got {}; put it into quotes if it is meant",
                                 shown(*found)));
    } else if (!is_one_line(found->text)) {
        problem(key, "expected a text of one line without control characters");
    } else {
        out = found->text;
    }
}

void Fields::text(std::string_view key, std::string& out) {
    const Member* member = section_ == nullptr ? nullptr : section_->find(key);
    if (member != nullptr && member->value.kind == Section::Kind::scalar && !member->value.quoted &&
        looks_numeric(member->value.text)) {
        expected(key, *value(key), "a text (in quotes, if a number is meant)");
        return;
    }
    word(key, out);
}

void Fields::file(std::string_view key, std::string& out) {
    std::string name = out;
    text(key, name);
    if (name.empty() || name.front() == '/' || reading_.folder.empty()) {
        out = std::move(name);
        return;
    }
    out = (std::filesystem::path(reading_.folder) / name).lexically_normal().string();
}

void Fields::secret(std::string_view key, Secret& out) {
    const Section* found = value(key);
    if (found == nullptr) {
        return;
    }
    if (found->kind != Section::Kind::scalar || !is_one_line(found->text)) {
        problem(key, "expected a text of one line");
        return;
    }
    out = Secret(found->text);
}

void Fields::boolean(std::string_view key, bool& out) {
    const Section* found = scalar(key, kBooleans);
    if (found == nullptr) {
        return;
    }
    if (!found->quoted && (found->text == "true" || found->text == "false")) {
        out = found->text == "true";
    } else if (looks_boolean(found->text)) {
        problem(key,
                fmt::format("expected true or false, got {}; write true or false, without quotes",
                            shown(*found)));
    } else {
        expected(key, *found, kBooleans);
    }
}

void Fields::number(std::string_view key, std::uint64_t& out, Range range) {
    const std::string what = fmt::format("a whole number from {} to {}", range.least, range.most);
    const Section* found = scalar(key, what);
    if (found == nullptr) {
        return;
    }
    const auto parsed = parse_unsigned(found->text);
    if (has_leading_zero(found->text) || !parsed || found->quoted || *parsed < range.least ||
        *parsed > range.most) {
        expected(key, *found, what);
    } else {
        out = *parsed;
    }
}

void Fields::number(std::string_view key, unsigned& out, Range range) {
    std::uint64_t wide = out;
    number(key, wide, range);
    out = static_cast<unsigned>(wide);
}

void Fields::duration(std::string_view key, Milliseconds& out, DurationRange range) {
    const std::string what = fmt::format("a duration from {} to {}, as 30s, 10m, 24h",
                                         print_duration(range.least), print_duration(range.most));
    const Section* found = scalar(key, what);
    if (found == nullptr) {
        return;
    }
    const auto parsed = parse_duration(found->text);
    if (parse_unsigned(found->text) && found->text != "0") {
        problem(key, fmt::format("expected {}, got {}, which has no unit", what, shown(*found)));
    } else if (!parsed || has_leading_zero(found->text) || *parsed < range.least ||
               *parsed > range.most) {
        expected(key, *found, what);
    } else {
        out = *parsed;
    }
}

void Fields::size(std::string_view key, Bytes& out, Range range) {
    const std::string what =
        fmt::format("a size from {} to {}, as 64KiB, 10MiB", print_size(Bytes{range.least}),
                    print_size(Bytes{range.most}));
    const Section* found = scalar(key, what);
    if (found == nullptr) {
        return;
    }
    const auto parsed = parse_size(found->text);
    if (!parsed || has_leading_zero(found->text) || parsed->count < range.least ||
        parsed->count > range.most) {
        expected(key, *found, what);
    } else {
        out = *parsed;
    }
}

void Fields::texts(std::string_view key, std::vector<std::string>& out, bool single) {
    const std::string_view what = single ? "a text or a list of texts" : "a list of texts";
    const Section* found = value(key);
    if (found == nullptr) {
        return;
    }
    const bool one = found->kind == Section::Kind::scalar && single;
    if (!one && found->kind != Section::Kind::list) {
        expected(key, *found, what);
        return;
    }
    const std::span<const Section> items = one ? std::span(found, 1) : std::span(found->items);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string name = one ? std::string(key) : fmt::format("{}[{}]", key, i);
        reading_.positions.insert_or_assign(path(name), items[i].at);
        if (items[i].kind != Section::Kind::scalar || !is_one_line(items[i].text) ||
            (!items[i].quoted && looks_boolean(items[i].text))) {
            expected(name, items[i], "a text");
        } else {
            texts.push_back(items[i].text);
        }
    }
    out = std::move(texts);
}

void Fields::finish() {
    if (section_ == nullptr) {
        return;
    }
    for (const Member& member : section_->members) {
        if (reading_.problems.size() > kMaxProblems) {
            return;
        }
        if (std::find(asked_.begin(), asked_.end(), member.key) == asked_.end() &&
            member.key != "<<") {
            unknown(member);
        }
    }
}

void Fields::unknown(const Member& member) {
    std::string hint;
    const std::string ending = "." + member.key;
    for (const std::string& known : known_keys()) {
        if (known.ends_with(ending) &&
            known.find_last_of('.') + 1 == known.size() - member.key.size()) {
            hint = fmt::format("; it belongs under '{}'", known.substr(0, known.find_last_of('.')));
        }
        if (known == member.key) {
            hint = "; it belongs at the left margin";
        }
    }
    const auto near = nearest(member.key, asked_);
    if (hint.empty() && near) {
        hint = fmt::format("; did you mean '{}'?", *near);
    } else if (hint.empty()) {
        const std::vector<std::string_view> words(asked_.begin(), asked_.end());
        hint = fmt::format("; expected one of {}", listed(words));
    }
    Section name;
    name.kind = Section::Kind::scalar;
    name.text = member.key;
    const std::string key = shown(name);
    Problem problem;
    problem.line = member.at.line;
    problem.column = member.at.column;
    problem.key = path(std::string_view(key).substr(1, key.size() - 2));
    problem.message = "unknown key" + hint;
    reading_.problems.push_back(std::move(problem));
}

}  // namespace eg::config
