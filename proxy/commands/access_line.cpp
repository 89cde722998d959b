#include "proxy/commands/access_line.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/base/json.h"
#include "proxy/log/escape.h"

namespace eg::commands {
namespace {

constexpr std::size_t kValues = 19;
constexpr std::size_t kUserAgent = 11;  // the one that stands in quotes
constexpr std::size_t kMostLineBytes = std::size_t{64} * 1024;

/// Splits at single spaces; what stands in quotes is one value, and has no quote inside, since the
/// writer escapes it. False unless there are exactly kValues.
bool split(std::string_view line, std::array<std::string_view, kValues>& values) {
    for (std::size_t i = 0; i < kValues; ++i) {
        const bool quoted = i == kUserAgent;
        if (line.starts_with('"') != quoted) {
            return false;
        }
        const std::size_t start = quoted ? 1 : 0;
        const std::size_t end = line.find(quoted ? '"' : ' ', start);
        const bool last = i + 1 == kValues;
        if (quoted ? end == std::string_view::npos : (end == std::string_view::npos) != last) {
            return false;
        }
        values.at(i) = line.substr(start, last && !quoted ? end : end - start);
        line.remove_prefix(last ? line.size() : end + start);
        if (!last && !line.starts_with(' ')) {
            return false;
        }
        line.remove_prefix(last ? 0 : 1);
    }
    return true;
}

std::optional<AccessLine> read_text(std::string_view line) {
    std::array<std::string_view, kValues> v;
    const bool control = std::any_of(line.begin(), line.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
    if (control || !split(line, v) || v[1] != "access") {
        return std::nullopt;
    }
    return AccessLine{.time = std::string(v[0]),
                      .instance = std::string(v[3]),
                      .user = std::string(v[6]),
                      .device_id = std::string(v[7]),
                      .user_agent = std::string(v[11]),
                      .verdict = std::string(v[12]),
                      .reason = std::string(v[13])};
}

std::optional<AccessLine> read_json(std::string_view line) {
    const Json object(json_loadb(line.data(), line.size(), JSON_REJECT_DUPLICATES, nullptr));
    const auto word = [&object](const char* key) {
        std::string out;
        const json_t* value = json_object_get(object.get(), key);
        if (json_is_string(value)) {
            log::append_word(out, {json_string_value(value), json_string_length(value)});
        }
        return out;
    };
    if (word("kind") != "access") {
        return std::nullopt;
    }
    AccessLine read{.time = word("time"),
                    .instance = word("instance"),
                    .user = word("user"),
                    .device_id = word("device_id"),
                    .user_agent = word("user_agent"),
                    .verdict = word("verdict"),
                    .reason = word("reason")};
    if (const json_t* requests = json_object_get(object.get(), "requests");
        json_is_integer(requests) && json_integer_value(requests) > 0) {
        read.requests = static_cast<std::uint64_t>(json_integer_value(requests));
    }
    const bool whole = !read.time.empty() && !read.instance.empty() && !read.user.empty() &&
                       !read.device_id.empty() && !read.user_agent.empty() &&
                       !read.verdict.empty() && !read.reason.empty();
    return whole ? std::optional(std::move(read)) : std::nullopt;
}

}  // namespace

std::optional<AccessLine> read_access_line(std::string_view line) {
    if (line.size() > kMostLineBytes) {
        return std::nullopt;
    }
    return line.starts_with('{') ? read_json(line) : read_text(line);
}

}  // namespace eg::commands
