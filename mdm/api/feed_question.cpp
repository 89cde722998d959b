#include "mdm/api/feed_question.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/http/target.h"

namespace eg::mdm {

std::optional<FeedQuestion> parse_question(std::string_view query) {
    FeedQuestion question;
    bool has_wait = false;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view parameter = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(parameter.find('='), parameter.size());
        const std::string_view name = parameter.substr(0, equals);
        const auto value =
            http::percent_decode(parameter.substr(std::min(equals + 1, parameter.size())));
        if (!value) {
            return std::nullopt;
        }
        if (name == "since") {
            if (question.since) {
                return std::nullopt;
            }
            question.since = *value;
        } else if (name == "wait") {
            const auto seconds = parse_unsigned(*value);
            if (has_wait || !seconds) {
                return std::nullopt;
            }
            has_wait = true;
            const auto most = static_cast<std::uint64_t>(kLongestWait.count());
            question.wait = std::chrono::seconds(std::min(*seconds, most));
        }
    }
    return question;
}

}  // namespace eg::mdm
