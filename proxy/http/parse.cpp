#include "proxy/http/parse.h"

#include <algorithm>
#include <optional>

#include "proxy/base/ip.h"
#include "proxy/base/text.h"
#include "proxy/http/chars.h"

namespace eg::http {

namespace {

constexpr std::size_t kLongestMethod = 20;
constexpr std::size_t kVersionLength = 8;  // HTTP/1.1
constexpr std::size_t kStatusLength = 3;

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
        if (const char* what = rules_.finish(); what != nullptr) {
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
                return begin_line(c);
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
        const auto start = bytes_.begin() + static_cast<std::ptrdiff_t>(scan_.checked);
        const auto stop =
            std::find_if_not(start, bytes_.end(), [wanted](char c) { return is_in(wanted, c); });
        scan_.checked += static_cast<std::size_t>(stop - start);
        return stop != bytes_.end();
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

    const char* begin_line(char c) {
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
        rules_.head.fields.add({.name = name, .value = trim(part()), .id = field_name(name)});
        ++scan_.fields;
        return take(Step::value_lf);
    }

    std::string_view bytes_;  // at most limits_.bytes of them
    const HeadLimits& limits_;
    HeadScan& scan_;
    Rules rules_;
    ErrorCode code_ = ErrorCode::malformed;
};

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

// RFC 9112 2.3: the name is case-sensitive, the numbers are one digit each.
const char* read_version(std::string_view text, std::uint8_t& minor_version, ErrorCode& code) {
    if (text == "HTTP/1.1" || text == "HTTP/1.0") {
        minor_version = text.back() == '1' ? 1 : 0;
        return nullptr;
    }
    const bool versioned = text.size() == kVersionLength && text.starts_with("HTTP/") &&
                           is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
    code = versioned ? ErrorCode::unsupported : ErrorCode::malformed;
    return versioned ? "HTTP version" : "bad HTTP version";
}

Method method_of(std::string_view text) {
    switch (text.size()) {
        case 3:
            return text == "GET" ? Method::get : text == "PUT" ? Method::put : Method::other;
        case 4:
            return text == "POST" ? Method::post : text == "HEAD" ? Method::head : Method::other;
        case 6:
            return text == "DELETE" ? Method::remove : Method::other;
        case 7:
            return text == "OPTIONS" ? Method::options : Method::other;
        default:
            return Method::other;
    }
}

// RFC 3986 3.2.3: no port, or 1 to 65535 without an odd spelling.
bool is_port(std::string_view text) {
    const auto number = parse_unsigned(text);
    return number && *number >= 1 && *number <= 65535 && text.front() != '0';
}

bool is_host_name(std::string_view name) {
    return !name.empty() && name.size() <= 253 && name.front() != '.' &&
           name.find("..") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

struct Authority {
    std::string_view host;  // with brackets
    std::string_view port;  // "" if none is given
};

// host[:port] of RFC 9110 7.2, narrowed to names as DNS has them and to addresses.
std::optional<Authority> read_authority(std::string_view text) {
    Authority out{.host = text, .port = {}};
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        out.host = text.substr(0, end + 1);
        const std::string_view address = text.substr(1, end - 1);
        if (address.find(':') == std::string_view::npos || !IpAddress::parse(address)) {
            return std::nullopt;
        }
    } else {
        out.host = text.substr(0, text.find(':'));
        if (!is_host_name(out.host)) {
            return std::nullopt;
        }
    }
    const std::string_view rest = text.substr(out.host.size());
    if (!rest.empty()) {
        out.port = rest.substr(1);
        if (rest.front() != ':' || !is_port(out.port)) {
            return std::nullopt;
        }
    }
    return out;
}

struct RequestRules {
    using Part = StartPart<RequestRules>;
    static constexpr Side kSide = Side::client;
    static constexpr bool kSkipsEmptyLine = true;  // RFC 9112 2.2
    static const Part kFirst;
    static const Part kSecond;
    static const Part kThird;

    RequestHead& head;

    const char* read_method(std::string_view text, ErrorCode& /*code*/) {
        head.method_text = text;
        head.method = method_of(text);
        return text.empty() || text == "CONNECT" ? "bad method" : nullptr;
    }

    const char* read_target(std::string_view text, ErrorCode& /*code*/) {
        head.target = text;
        return text.empty() ? "bad request target" : nullptr;
    }

    const char* read_request_version(std::string_view text, ErrorCode& code) {
        return read_version(text, head.minor_version, code);
    }

    // What needs the whole head: Host (RFC 9112 3.2) and the form of the target (3.2.1 to 3.2.4).
    const char* finish() {
        std::size_t hosts = 0;
        head.host = {};
        for (const Field& field : head.fields) {
            if (field.id == FieldName::host) {
                head.host = field.value;
                ++hosts;
            }
        }
        if (hosts > 1 || (hosts == 0 && head.minor_version == 1)) {
            return hosts == 0 ? "no Host field" : "several Host fields";
        }
        const auto authority = read_authority(head.host);
        if (hosts == 1 && !authority) {
            return "bad Host field";
        }
        if (head.target.front() == '/') {
            split(head.target);
            return nullptr;
        }
        if (head.target == "*") {
            split(head.target);
            return head.method == Method::options ? nullptr : "bad request target";
        }
        return authority ? finish_absolute(*authority) : "bad request target";
    }

    // The authority must say what the Host field says, the scheme's own port counting as none.
    const char* finish_absolute(const Authority& host) {
        std::string_view rest = head.target;
        std::string_view default_port = "80";
        if (istarts_with(rest, "http://")) {
            rest.remove_prefix(7);
        } else if (istarts_with(rest, "https://")) {
            rest.remove_prefix(8);
            default_port = "443";
        } else {
            return "bad request target";
        }
        const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
        const auto named = read_authority(rest.substr(0, end));
        if (!named) {
            return "bad authority in the request target";
        }
        const auto port = [default_port](const Authority& authority) {
            return authority.port.empty() ? default_port : authority.port;
        };
        if (!iequals(named->host, host.host) || port(*named) != port(host)) {
            return "request target contradicts Host";
        }
        split(rest.substr(end));
        if (head.path.empty()) {
            const bool whole_server = head.method == Method::options && !head.has_query;
            head.path = whole_server ? "*" : "/";
        }
        return nullptr;
    }

    void split(std::string_view text) {
        const std::size_t mark = text.find('?');
        head.has_query = mark != std::string_view::npos;
        head.path = text.substr(0, mark);
        head.query = head.has_query ? text.substr(mark + 1) : std::string_view();
    }
};

const RequestRules::Part RequestRules::kFirst{
    kTokenChar, kLongestMethod, false, false, &RequestRules::read_method, "bad method"};
const RequestRules::Part RequestRules::kSecond{
    kTargetChar, std::string_view::npos,     false,
    false,       &RequestRules::read_target, "bad request target"};
const RequestRules::Part RequestRules::kThird{
    kTargetChar,       kVersionLength, true, true, &RequestRules::read_request_version,
    "bad HTTP version"};

struct ResponseRules {
    using Part = StartPart<ResponseRules>;
    static constexpr Side kSide = Side::upstream;
    static constexpr bool kSkipsEmptyLine = false;
    static const Part kFirst;
    static const Part kSecond;
    static const Part kThird;

    ResponseHead& head;

    const char* read_answer_version(std::string_view text, ErrorCode& code) {
        return read_version(text, head.minor_version, code);
    }

    const char* read_status(std::string_view text, ErrorCode& /*code*/) {
        if (text.size() != kStatusLength || text.front() < '1' || text.front() > '5') {
            return "bad status";
        }
        head.status = static_cast<std::uint16_t>((text[0] - '0') * 100 + (text[1] - '0') * 10 +
                                                 (text[2] - '0'));
        head.reason = {};
        return nullptr;
    }

    const char* read_reason(std::string_view text, ErrorCode& /*code*/) {
        head.reason = text;
        return nullptr;
    }

    const char* finish() { return nullptr; }
};

const ResponseRules::Part ResponseRules::kFirst{
    kTargetChar,       kVersionLength, false, false, &ResponseRules::read_answer_version,
    "bad HTTP version"};
const ResponseRules::Part ResponseRules::kSecond{
    kDigitChar, kStatusLength, true, false, &ResponseRules::read_status, "bad status"};
const ResponseRules::Part ResponseRules::kThird{
    kValueChar, std::string_view::npos,      true,
    true,       &ResponseRules::read_reason, "bad reason phrase"};

}  // namespace

Result<std::size_t> parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                       HeadScan& scan, RequestHead& head) {
    return Parser<RequestRules>(bytes, limits, scan, RequestRules{head}).run();
}

Result<std::size_t> parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                        HeadScan& scan, ResponseHead& head) {
    return Parser<ResponseRules>(bytes, limits, scan, ResponseRules{head}).run();
}

}  // namespace eg::http
