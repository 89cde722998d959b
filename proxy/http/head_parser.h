/// The reading of heads that requests and answers have in common; only their two parsers include
/// this.
///
/// One state machine over the bytes: each part of a line is a step, whose bytes are of one class
/// and are skipped in one tight loop. What is wrong shows at a certain byte, which makes the
/// outcome the same for any pieces that the bytes come in. Field lines that are whole and right,
/// nearly all, are taken at once; of any other the steps say what is wrong or missing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/text.h"
#include "proxy/http/chars.h"
#include "proxy/http/head.h"
#include "proxy/http/parse.h"
#include "proxy/http/run_length.h"

namespace eg::http::detail {

inline constexpr std::size_t kVersionLength = 8;  // HTTP/1.1

// RFC 9112 2.3: the name is case-sensitive, the numbers are one digit each.
inline const char* read_version(std::string_view text, std::uint8_t& minor_version,
                                ErrorCode& code) {
    if (text == "HTTP/1.1" || text == "HTTP/1.0") {
        minor_version = text.back() == '1' ? 1 : 0;
        return nullptr;
    }
    const bool versioned = text.size() == kVersionLength && text.starts_with("HTTP/") &&
                           is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
    code = versioned ? ErrorCode::unsupported : ErrorCode::malformed;
    return versioned ? "HTTP version" : "bad HTTP version";
}

// One part of a start line: its bytes, its length, what may follow it and who reads it.
template <typename Rules>
struct StartPart {
    CharClass wanted;
    std::size_t longest;
    bool may_end_line;
    bool must_end_line;
    const char* (Rules::*read)(std::string_view text, ErrorCode& code);
    const char* what;
};

// What the next byte belongs to. A line's parts have a step each, its LF another one.
enum class Step : std::uint8_t {
    begin,
    leading_lf,
    first,   // method, or version of an answer
    second,  // target, or status
    third,   // version, or reason
    start_lf,
    line,
    name,
    value,
    value_lf,
    end_lf,
};

// The reading of both kinds of head. `Rules` knows the start line of its kind.
template <typename Rules>
class Parser {
  public:
    Parser(std::string_view bytes, const HeadLimits& limits, HeadScan& scan, Rules rules)
        : bytes_(bytes.substr(0, limits.bytes)), limits_(limits), scan_(scan), rules_(rules) {}

    Result<std::size_t> run() {
        const bool resumed = scan_.checked != 0;
        rules_.head.fields.clear();
        while (scan_.checked < bytes_.size()) {
            if (static_cast<Step>(scan_.step) == Step::end_lf) {
                if (bytes_[scan_.checked] != '\n') {
                    return malformed("bare CR");
                }
                ++scan_.checked;
                return resumed ? read_again() : finish();
            }
            if (const char* what = advance(); what != nullptr) {
                return fail(code_, Rules::kSide, what);
            }
        }
        if (bytes_.size() >= limits_.bytes) {
            return fail(ErrorCode::too_large, Rules::kSide, "head too long");
        }
        return 0;
    }

  private:
    // The head has been checked in pieces; its views are made from the whole.
    Result<std::size_t> read_again() {
        HeadScan whole;
        return Parser(bytes_, limits_, whole, rules_).run();
    }

    Result<std::size_t> finish() {
        if (const char* what = rules_.finish(scan_); what != nullptr) {
            return malformed(what);
        }
        return scan_.checked;
    }

    static std::unexpected<Error> malformed(const char* what) {
        return fail(ErrorCode::malformed, Rules::kSide, what);
    }

    // Takes what is there of the current part; the text of an error, or null.
    const char* advance() {
        const char c = bytes_[scan_.checked];
        switch (static_cast<Step>(scan_.step)) {
            case Step::begin:
                if (Rules::kSkipsEmptyLine && c == '\r') {
                    return take(Step::leading_lf);
                }
                go(Step::first);
                return nullptr;
            case Step::leading_lf:
                return take_lf(c, Step::first);
            case Step::first:
                return start_part(Rules::kFirst, Step::second);
            case Step::second:
                return start_part(Rules::kSecond, Step::third);
            case Step::third:
                return start_part(Rules::kThird, Step::start_lf);
            case Step::start_lf:
                return take_lf(c, Step::line);
            case Step::line:
                return begin_line();
            case Step::name:
                return field_name_part();
            case Step::value:
                return field_value_part();
            case Step::value_lf:
                return take_lf(c, Step::line);
            case Step::end_lf:
                break;
        }
        return nullptr;
    }

    void go(Step next) {
        scan_.step = static_cast<std::uint8_t>(next);
        scan_.part = static_cast<std::uint32_t>(scan_.checked);
    }

    const char* take(Step next) {
        ++scan_.checked;
        go(next);
        return nullptr;
    }

    const char* take_lf(char c, Step next) { return c == '\n' ? take(next) : "bare CR"; }

    // Moves over the bytes of one class; false if the input ends before another one.
    bool skip(CharClass wanted) {
        const std::string_view rest = bytes_.substr(scan_.checked);
        const std::size_t length = wanted == kTokenChar    ? run_length<kTokenChar>(rest)
                                   : wanted == kTargetChar ? run_length<kTargetChar>(rest)
                                   : wanted == kValueChar  ? run_length<kValueChar>(rest)
                                                           : digits(rest);
        scan_.checked += length;
        return length != rest.size();
    }

    static bool is_space(char c) { return c == ' ' || c == '\t'; }

    static std::size_t digits(std::string_view text) {
        return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) -
                                        text.begin());
    }

    [[nodiscard]] std::string_view part() const {
        return bytes_.substr(scan_.part, scan_.checked - scan_.part);
    }

    const char* start_part(const typename Rules::Part& rule, Step next) {
        const bool ended = skip(rule.wanted);
        if (part().size() > rule.longest) {
            return rule.what;
        }
        if (!ended) {
            return nullptr;
        }
        const char stop = bytes_[scan_.checked];
        const bool line_ends = stop == '\r' && rule.may_end_line;
        if (!line_ends && (stop != ' ' || rule.must_end_line)) {
            return rule.what;
        }
        code_ = ErrorCode::malformed;
        if (const char* what = (rules_.*rule.read)(part(), code_); what != nullptr) {
            return what;
        }
        return take(line_ends ? Step::start_lf : next);
    }

    // Takes a field line that is whole and right; else nothing. `what`: as read_field() says.
    bool take_line(const char*& what) {
        const std::string_view rest = bytes_.substr(scan_.checked);
        const std::size_t name = run_length<kTokenChar>(rest);
        if (name == 0 || name == rest.size() || rest[name] != ':' ||
            scan_.fields >= limits_.count) {
            return false;
        }
        const std::size_t length = run_length<kValueChar>(rest.substr(name + 1));
        const std::size_t end = name + 1 + length;
        if (rest.size() - end < 2 || rest[end] != '\r' || rest[end + 1] != '\n') {
            return false;
        }
        what = add_field(rest.substr(0, name), rest.substr(name + 1, length));
        scan_.checked += end + 2;
        go(Step::line);
        return what == nullptr;
    }

    const char* add_field(std::string_view name, std::string_view value) {
        // What trim() does, but nearly always a space in front is all there is.
        if (value.starts_with(' ')) {
            value.remove_prefix(1);
        }
        if (!value.empty() && (is_space(value.front()) || is_space(value.back()))) {
            value = trim(value);
        }
        const Field field{.name = name, .value = value, .id = field_name(name)};
        rules_.head.fields.add(field);
        ++scan_.fields;
        return rules_.read_field(field, scan_);
    }

    const char* begin_line() {
        const char* what = nullptr;
        while (take_line(what)) {
        }
        if (what != nullptr || scan_.checked == bytes_.size()) {
            return what;
        }
        const char c = bytes_[scan_.checked];
        if (c == '\r') {
            return take(Step::end_lf);
        }
        if (scan_.fields >= limits_.count) {
            code_ = ErrorCode::too_large;
            return "too many fields";
        }
        scan_.line = static_cast<std::uint32_t>(scan_.checked);
        go(Step::name);
        return nullptr;
    }

    const char* field_name_part() {
        if (!skip(kTokenChar)) {
            return nullptr;
        }
        if (bytes_[scan_.checked] != ':' || part().empty()) {
            return "bad field name";
        }
        return take(Step::value);
    }

    const char* field_value_part() {
        if (!skip(kValueChar)) {
            return nullptr;
        }
        if (bytes_[scan_.checked] != '\r') {
            return "control byte in a field";
        }
        const std::string_view name = bytes_.substr(scan_.line, scan_.part - 1 - scan_.line);
        const char* what = add_field(name, part());
        return what == nullptr ? take(Step::value_lf) : what;
    }

    std::string_view bytes_;  // at most limits_.bytes of them
    const HeadLimits& limits_;
    HeadScan& scan_;
    Rules rules_;
    ErrorCode code_ = ErrorCode::malformed;
};

}  // namespace eg::http::detail
