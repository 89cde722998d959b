#include "proxy/config/section.h"

#include <sstream>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "proxy/config/source.h"

namespace eg::config {

namespace {

// What yaml-cpp calls the two kinds of untagged scalars.
constexpr std::string_view kPlainTag = "?";
constexpr std::string_view kQuotedTag = "!";

/// Where each line of the text starts, so that a mark can be turned into a place in it.
class Lines {
  public:
    explicit Lines(std::string_view text) : text_(text) {
        starts_.push_back(0);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\n') {
                starts_.push_back(i + 1);
            }
        }
    }
    [[nodiscard]] std::string_view from(const YAML::Mark& mark) const {
        const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
        if (line >= starts_.size()) {
            return {};
        }
        const std::size_t at = starts_[line] + static_cast<std::size_t>(std::max(mark.column, 0));
        return at < text_.size() ? text_.substr(at) : std::string_view();
    }
    [[nodiscard]] Position position(const YAML::Mark& mark) const {
        const YAML::Mark start = [&] {
            YAML::Mark out = mark;
            out.column = 0;
            return out;
        }();
        const std::string_view rest = from(start);
        return {.line = mark.line + 1,
                .column = character_column(rest.substr(0, rest.find('\n')), mark.column + 1)};
    }

  private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

/// False if the quote that opens `source` is never closed (yaml-cpp 0.7 lets the end of the file
/// close a single quote).
bool quote_is_closed(std::string_view source) {
    if (source.empty() || (source[0] != '\'' && source[0] != '"')) {
        return true;  // a block scalar, which its indentation ends
    }
    for (std::size_t i = 1; i < source.size(); ++i) {
        if (source[0] == '"' && source[i] == '\\') {
            ++i;
        } else if (source[i] == source[0]) {
            if (source[0] == '"' || i + 1 >= source.size() || source[i + 1] != '\'') {
                return true;
            }
            ++i;  // a doubled single quote stands for one
        }
    }
    return false;
}

/// Builds the tree from the events of one document.
class Builder final : public YAML::EventHandler {
  public:
    Builder(const Lines& lines, Problems& problems) : lines_(lines), problems_(problems) {}

    /// Where the innermost list or map starts that isn't closed yet.
    [[nodiscard]] std::optional<Position> innermost() const {
        return open_.empty() ? std::nullopt : std::optional(open_.back().value.at);
    }
    [[nodiscard]] Section take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) {
            throw YAML::ParserException(mark,
                                        "a second document; a configuration file holds only one");
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check_plain(mark, {}, anchor);
        Section value;
        value.at = lines_.position(mark);
        add(std::move(value));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw YAML::ParserException(mark, "the referenced anchor is not defined");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        check_plain(mark, tag, anchor);
        const std::string_view source = lines_.from(mark);
        if (tag == kPlainTag && !source.starts_with(text)) {
            report(
                lines_.position(mark), {},
                "the value goes on in the next line; indent that line as a key, or put a text of "
                "several lines into quotes");
        }
        if (tag == kQuotedTag && !quote_is_closed(source)) {
            throw YAML::ParserException(mark, "the quote is never closed");
        }
        Section value;
        value.kind = Section::Kind::scalar;
        value.quoted = tag == kQuotedTag;
        value.at = lines_.position(mark);
        value.text = text;
        add(std::move(value));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Section::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Section::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    /// A list or map that isn't closed yet.
    struct Open {
        Section value;
        bool has_key = false;
        std::string key;
        Position key_at;
        std::unordered_map<std::string, int> lines_of_keys;
    };

    /// `instances[0].listen` for a key of the map that is open, or for the value that comes next.
    [[nodiscard]] std::string path(std::string_view key) const {
        std::string out;
        for (const Open& level : open_) {
            if (level.value.kind == Section::Kind::list) {
                out += fmt::format("[{}]", level.value.items.size());
            } else if (level.has_key) {
                out += (out.empty() ? "" : ".") + level.key;
            }
        }
        return out + (out.empty() || key.empty() ? "" : ".") + std::string(key);
    }

    void report(Position at, std::string key, std::string message) {
        Problem problem;
        problem.line = at.line;
        problem.column = at.column;
        problem.key = std::move(key);
        problem.message = std::move(message);
        problems_.push_back(std::move(problem));
    }

    void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0) {
            throw YAML::ParserException(mark, "the referenced anchor is not defined");
        }
        if (!tag.empty() && tag != kPlainTag && tag != kQuotedTag) {
            throw YAML::ParserException(
                mark, "tags are not used here; put a text that starts with ! into quotes");
        }
    }

    void open(Section::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        check_plain(mark, tag, anchor);
        if (open_.size() >= kMaxDepth) {
            throw YAML::ParserException(mark,
                                        fmt::format("nested deeper than {} levels", kMaxDepth));
        }
        if (!open_.empty() && open_.back().value.kind == Section::Kind::map &&
            !open_.back().has_key) {
            throw YAML::ParserException(
                mark, "a key must be a plain word; put a text that starts with [ or { into quotes");
        }
        Open next;
        next.value.kind = kind;
        next.value.at = lines_.position(mark);
        open_.push_back(std::move(next));
    }

    void close() {
        Section value = std::move(open_.back().value);
        open_.pop_back();
        add(std::move(value));
    }

    void add(Section value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& parent = open_.back();
        if (parent.value.kind == Section::Kind::list) {
            parent.value.items.push_back(std::move(value));
        } else if (!parent.has_key) {
            take_key(parent, std::move(value));
        } else {
            parent.has_key = false;
            if (value.kind == Section::Kind::nothing) {
                value.at = parent.key_at;  // yaml-cpp marks the next token
            }
            parent.value.members.push_back(
                Member{std::move(parent.key), parent.key_at, std::move(value)});
        }
    }

    void take_key(Open& parent, Section value) {
        const auto [first, fresh] = parent.lines_of_keys.emplace(value.text, value.at.line);
        if (value.kind == Section::Kind::nothing) {
            report(value.at, path({}), "a key is missing before the colon");
        } else if (value.text == "<<" && !value.quoted) {
            report(value.at, path("<<"), "merge keys are not supported; write the values out");
        } else if (!fresh) {
            report(value.at, path(value.text),
                   fmt::format("doubled key; it stands in line {} already and here, in line {}",
                               first->second, value.at.line));
        }
        parent.has_key = true;
        parent.key = std::move(value.text);
        parent.key_at = value.at;
    }

    const Lines& lines_;
    Problems& problems_;
    std::vector<Open> open_;
    Section root_;
    int documents_ = 0;
};

bool is_unclosed(const YAML::Exception& error) {
    return error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW ||
           error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW;
}

/// Says in our words what yaml-cpp means, with the usual cause.
std::string explain(const YAML::Exception& error, std::string_view source) {
    const char first = source.empty() ? '\n' : source[0];
    const std::string& text = error.msg;
    const auto starts = [&](const char* message) { return text.starts_with(message); };
    if (first == '*' || first == '&' || starts(YAML::ErrorMsg::UNKNOWN_ANCHOR) ||
        starts(YAML::ErrorMsg::ALIAS_NOT_FOUND) || starts(YAML::ErrorMsg::CHAR_IN_ALIAS)) {
        return "anchors (&) and aliases (*) are not supported; put a text that starts with * or & "
               "into quotes";
    }
    if (starts(YAML::ErrorMsg::UNKNOWN_TOKEN)) {
        return fmt::format("a text can't start with {}; put it into quotes", first);
    }
    if (starts(YAML::ErrorMsg::EOF_IN_SCALAR)) {
        return "the file ends inside a quoted text; the quote is never closed";
    }
    if (is_unclosed(error)) {
        return "this [ or { is never closed";
    }
    if (starts(YAML::ErrorMsg::END_OF_MAP) || starts(YAML::ErrorMsg::END_OF_SEQ)) {
        return "this doesn't fit the lines before: check the indentation; a text that starts with "
               "a "
               "quote or bracket must end with it";
    }
    if (starts(YAML::ErrorMsg::MAP_VALUE)) {
        return "a colon in the wrong place: a line before lacks its colon, or the text needs "
               "quotes";
    }
    return text;
}

}  // namespace

const Member* Section::find(std::string_view key) const {
    for (const Member& member : members) {
        if (member.key == key) {
            return &member;
        }
    }
    return nullptr;
}

std::string_view describe(Section::Kind kind) {
    switch (kind) {
        case Section::Kind::nothing:
            return "nothing";
        case Section::Kind::scalar:
            return "a single value";
        case Section::Kind::list:
            return "a list";
        case Section::Kind::map:
            return "a map";
    }
    return "";
}

std::optional<Section> parse_yaml(std::string_view text, Problems& problems) {
    check_source(text, problems);
    if (!problems.empty()) {
        return std::nullopt;
    }
    const Lines lines(text);
    Builder builder(lines, problems);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& error) {
        Position at = lines.position(error.mark);
        if (is_unclosed(error)) {
            at = builder.innermost().value_or(at);  // yaml-cpp marks where it gave up
        }
        Problem problem;
        problem.line = at.line;
        problem.column = at.column;
        problem.message = explain(error, lines.from(error.mark));
        problems.push_back(std::move(problem));
        return std::nullopt;
    }
    return builder.take();
}

}  // namespace eg::config
