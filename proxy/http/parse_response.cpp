#include "proxy/http/head_parser.h"
#include "proxy/http/parse.h"

namespace eg::http {

namespace {

using detail::kVersionLength;

constexpr std::size_t kStatusLength = 3;

struct ResponseRules {
    using Part = detail::StartPart<ResponseRules>;
    static constexpr Side kSide = Side::upstream;
    static constexpr bool kSkipsEmptyLine = false;
    static const Part kFirst;
    static const Part kSecond;
    static const Part kThird;

    ResponseHead& head;

    const char* read_answer_version(std::string_view text, ErrorCode& code) {
        return detail::read_version(text, head.minor_version, code);
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

    const char* read_field(const Field& /*field*/, HeadScan& /*scan*/) { return nullptr; }

    const char* finish(const HeadScan& /*scan*/) { return nullptr; }
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

Result<std::size_t> parse_response_head(std::string_view bytes, const HeadLimits& limits,
                                        HeadScan& scan, ResponseHead& head) {
    return detail::Parser<ResponseRules>(bytes, limits, scan, ResponseRules{head}).run();
}

}  // namespace eg::http
