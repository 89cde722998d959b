#include "mdm/api/feed_document.h"

#include <fmt/format.h>

#include "mdm/json_text.h"

namespace eg::mdm {
namespace {

constexpr std::int64_t kDevicesAtOnce = 500;  // some 64 KiB of lines

}  // namespace

std::string feed_head(std::string_view cursor, bool full, std::int64_t count) {
    std::string line = R"({"cursor":)";
    append_json_string(line, cursor);
    fmt::format_to(std::back_inserter(line),
                   R"(,"full":{},"count":{},"policy":{{"only_secure_email":false}}}})", full,
                   count);
    return line + '\n';
}

void append_feed_line(std::string& out, const device::Record& record) {
    out += R"({"id":)";
    append_json_string(out, record.id);
    out += R"(,"users":[)";
    bool first = true;
    for (const std::string& user : record.users) {
        out += first ? "" : ",";
        append_json_string(out, user);
        first = false;
    }
    out += R"(],"state":")";
    out += device::to_string(record.state);
    out += '"';
    if (!record.reason.empty()) {
        out += R"(,"reason":)";
        append_json_string(out, record.reason);
    }
    append_json_keys(out, record.keys);
    out += "}\n";
}

bool FeedDocument::read(std::string& out, bool& failed) {
    if (!head_.empty()) {
        out += head_;
        head_.clear();
        return true;
    }
    if (left_ == 0) {
        return false;
    }
    if (std::chrono::steady_clock::now() - begun_ > kLongestAnswer) {
        failed = true;
        return false;
    }
    const Outcome<std::vector<device::Record>> records = snapshot_.next(kDevicesAtOnce);
    const auto given = records ? static_cast<std::int64_t>(records->size()) : 0;
    if (given == 0 || given > left_) {
        failed = true;
        return false;
    }
    for (const device::Record& record : *records) {
        append_feed_line(out, record);
    }
    left_ -= given;
    return true;
}

}  // namespace eg::mdm
