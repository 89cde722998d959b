#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/http/authority.h"
#include "proxy/http/head_parser.h"
#include "proxy/http/parse.h"

namespace eg::http {

namespace {

using detail::kVersionLength;

constexpr std::size_t kLongestMethod = 20;
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

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

struct RequestRules {
    using Part = detail::StartPart<RequestRules>;
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

    // The form shows here (RFC 9112 3.2); whether it agrees with Host, at the end of the head.
    const char* read_target(std::string_view text, ErrorCode& /*code*/) {
        head.target = text;
        const bool known_form = text.starts_with('/') || text == "*" || istarts_with(text, kHttp) ||
                                istarts_with(text, kHttps);
        return known_form ? nullptr : "bad request target";
    }

    const char* read_request_version(std::string_view text, ErrorCode& code) {
        return detail::read_version(text, head.minor_version, code);
    }

    // RFC 9112 3.2: one Host field at most, and a valid one.
    const char* read_field(const Field& field, HeadScan& scan) {
        if (field.id != FieldName::host) {
            return nullptr;
        }
        if (scan.has_host) {
            return "several Host fields";
        }
        scan.has_host = true;
        head.host = field.value;
        return read_authority(field.value) ? nullptr : "bad Host field";
    }

    // What needs the whole head.
    const char* finish(const HeadScan& scan) {
        if (!scan.has_host) {
            head.host = {};
            if (head.minor_version == 1) {
                return "no Host field";
            }
        }
        if (head.target.front() == '/') {
            split(head.target);
            return nullptr;
        }
        if (head.target == "*") {
            split(head.target);
            return head.method == Method::options ? nullptr : "bad request target";
        }
        return finish_absolute();
    }

    // The authority must say what the Host field says, the scheme's own port counting as none.
    const char* finish_absolute() {
        const bool secure = istarts_with(head.target, kHttps);
        const std::string_view default_port = secure ? "443" : "80";
        const std::string_view rest = head.target.substr(secure ? kHttps.size() : kHttp.size());
        const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
        const auto named = read_authority(rest.substr(0, end));
        const auto host = read_authority(head.host);
        if (!named || !host) {
            return "bad authority in the request target";
        }
        const auto port = [default_port](const Authority& authority) {
            return authority.port.empty() ? default_port : authority.port;
        };
        if (!iequals(named->host, host->host) || port(*named) != port(*host)) {
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

}  // namespace

Result<std::size_t> parse_request_head(std::string_view bytes, const HeadLimits& limits,
                                       HeadScan& scan, RequestHead& head) {
    return detail::Parser<RequestRules>(bytes, limits, scan, RequestRules{head}).run();
}

}  // namespace eg::http
