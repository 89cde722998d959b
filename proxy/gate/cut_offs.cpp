#include "proxy/gate/cut_offs.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/log/escape.h"
#include "proxy/log/stamp.h"

namespace eg::gate {

namespace {

/// Longer texts of strangers are cut: the table must not grow with them.
constexpr std::size_t kMostText = 256;

std::string key_of(const CutOffs::Passed& passed) {
    std::string key;
    for (const std::string_view text : {passed.user, passed.device_id, passed.user_agent}) {
        key += text.substr(0, kMostText);
        key += '\0';
    }
    return key;
}

void append_text(std::string& out, std::string_view key, std::string_view value) {
    out += key;
    log::append_json_string(out, value);
}

}  // namespace

void CutOffs::note(const Passed& passed) {
    if (passed.reason.empty() && kept_.load(std::memory_order_relaxed) == 0) {
        return;
    }
    std::string key = key_of(passed);
    const std::lock_guard lock(mutex_);
    if (passed.reason.empty()) {
        by_who_.erase(key);
    } else if (by_who_.size() < most_ || by_who_.contains(key)) {
        Last& last = by_who_[std::move(key)];
        last.requests = last.reason == passed.reason ? last.requests + 1 : 1;
        last.reason = passed.reason;
        last.at = passed.at;
    } else {
        ++left_out_;
    }
    kept_.store(by_who_.size(), std::memory_order_relaxed);
}

std::string CutOffs::json_lines(std::string_view instance) const {
    std::vector<std::pair<std::string, Last>> all;
    std::uint64_t left_out = 0;
    {
        // Workers wait for no more than the copying.
        const std::lock_guard lock(mutex_);
        all.assign(by_who_.begin(), by_who_.end());
        left_out = left_out_;
    }
    std::string out;
    for (const auto& [key, last] : all) {
        std::array<std::string_view, 3> who;
        std::string_view rest = key;
        for (std::string_view& part : who) {
            part = rest.substr(0, rest.find('\0'));
            rest.remove_prefix(part.size() + 1);
        }
        out += R"({"time":")";
        log::append_stamp(out, last.at);
        append_text(out, R"(","kind":"access","instance":)", instance);
        append_text(out, R"(,"user":)", who[0]);
        append_text(out, R"(,"device_id":)", who[1]);
        append_text(out, R"(,"user_agent":)", who[2]);
        append_text(out, R"(,"verdict":"allow","reason":)", last.reason);
        out += fmt::format(R"(,"requests":{}}})", last.requests);
        out += '\n';
    }
    if (left_out != 0) {
        out += fmt::format(R"({{"instance":"{}","left_out":{}}})", instance, left_out);
        out += '\n';
    }
    return out;
}

}  // namespace eg::gate
