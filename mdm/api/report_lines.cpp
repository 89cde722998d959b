#include "mdm/api/report_lines.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "proxy/base/json.h"
#include "proxy/base/text.h"

namespace eg::mdm {
namespace {

/// The first `kMostTextBytes`, not ending within a character of UTF-8.
std::string shortened(std::string_view text) {
    if (text.size() > kMostTextBytes) {
        std::size_t end = kMostTextBytes;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
            --end;
        }
        text = text.substr(0, end);
    }
    return std::string(text);
}

/// A text, or "" if the key is absent or holds something else.
std::string text_of(const json_t* object, const char* key) {
    const json_t* value = json_object_get(object, key);
    if (!json_is_string(value)) {
        return {};
    }
    return shortened({json_string_value(value), json_string_length(value)});
}

/// A count that isn't negative; 0 for anything else.
std::int64_t count_of(const json_t* object, const char* key) {
    constexpr std::int64_t kMost = 1'000'000'000;  // of one report; sums stay far from overflow
    const json_t* value = json_object_get(object, key);
    return json_is_integer(value) ? std::clamp<std::int64_t>(json_integer_value(value), 0, kMost)
                                  : 0;
}

/// RFC 3339 text or a number of epoch seconds; `now` if it is absent, odd or later.
std::int64_t time_of(const json_t* object, const char* key, std::int64_t now) {
    const json_t* value = json_object_get(object, key);
    std::optional<std::int64_t> time;
    if (json_is_string(value)) {
        time = parse_time({json_string_value(value), json_string_length(value)});
    } else if (json_is_integer(value)) {
        time = json_integer_value(value);
    } else if (json_is_real(value)) {
        const double seconds = json_real_value(value);
        if (seconds >= 0 && seconds < 1e12) {
            time = static_cast<std::int64_t>(seconds);
        }
    }
    return time && *time >= 0 && *time <= now ? *time : now;
}

bool take_line(std::string_view line, std::int64_t now, Report& report) {
    if (line.size() > kMostLineBytes) {
        return false;
    }
    const Json object(json_loadb(line.data(), line.size(), 0, nullptr));
    if (!json_is_object(object.get())) {
        return false;
    }
    Observation seen;
    seen.id = text_of(object.get(), "id");
    if (seen.id.empty()) {
        NodeFacts node{text_of(object.get(), "node"), text_of(object.get(), "version"), now};
        if (node.name.empty()) {
            return false;
        }
        report.nodes.push_back(std::move(node));
        return true;
    }
    seen.user = text_of(object.get(), "user");
    seen.user_agent = text_of(object.get(), "user_agent");
    seen.device_type = text_of(object.get(), "device_type");
    seen.protocol = text_of(object.get(), "protocol");
    seen.reason = text_of(object.get(), "reason");
    seen.last_seen = time_of(object.get(), "last_seen", now);
    seen.first_seen = std::min(time_of(object.get(), "first_seen", now), seen.last_seen);
    seen.requests = count_of(object.get(), "requests");
    seen.refused = count_of(object.get(), "refused");
    report.observations.push_back(std::move(seen));
    return true;
}

/// `digits` decimal digits at `at`, or -1.
int number_at(std::string_view text, std::size_t at, std::size_t digits) {
    int number = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
        if (i >= text.size() || !is_digit(text[i])) {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/// Minutes east of UTC of `Z` or `+01:00`.
std::optional<int> parse_offset(std::string_view text) {
    if (text == "Z" || text == "z") {
        return 0;
    }
    const int hours = number_at(text, 1, 2);
    const int minutes = number_at(text, 4, 2);
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || hours < 0 ||
        hours > 23 || minutes < 0 || minutes > 59) {
        return std::nullopt;
    }
    return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
    using namespace std::chrono;
    const auto separator = [&](std::size_t at, char c) {
        return at < text.size() && text[at] == c;
    };
    const int hour = number_at(text, 11, 2);
    const int minute = number_at(text, 14, 2);
    const int second = number_at(text, 17, 2);
    const year_month_day date{year(number_at(text, 0, 4)),
                              month(static_cast<unsigned>(number_at(text, 5, 2))),
                              day(static_cast<unsigned>(number_at(text, 8, 2)))};
    if (!separator(4, '-') || !separator(7, '-') || !(separator(10, 'T') || separator(10, 't')) ||
        !separator(13, ':') || !separator(16, ':') || !date.ok() || date.year() < year(0) ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
        return std::nullopt;
    }
    std::size_t at = 19;
    if (separator(at, '.')) {
        const std::size_t digits = at + 1;
        at = std::min(text.find_first_not_of("0123456789", digits), text.size());
        if (at == digits) {
            return std::nullopt;
        }
    }
    const std::optional<int> offset = parse_offset(text.substr(at));
    if (!offset) {
        return std::nullopt;
    }
    const auto days = sys_days(date).time_since_epoch();
    return duration_cast<seconds>(days).count() + hour * 3600 + minute * 60 + second - *offset * 60;
}

ParsedReport parse_report(std::string_view body, std::int64_t now) {
    ParsedReport parsed;
    while (!body.empty()) {
        const std::size_t end = body.find('\n');
        const std::string_view line = trim(body.substr(0, end));
        body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
        if (!line.empty() && line != "\r" && !take_line(line, now, parsed.report)) {
            ++parsed.bad_lines;
        }
    }
    return parsed;
}

}  // namespace eg::mdm
