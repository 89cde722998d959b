#include "proxy/gate/feed_report.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/gate/version.h"
#include "proxy/log/escape.h"

namespace eg::gate {

namespace {

bool is_plain(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
}

void add_text(std::string& line, std::string_view key, std::string_view text) {
    line += key;
    log::append_json_rest(line, text);
}

void add_number(std::string& line, std::string_view key, std::uint64_t number) {
    fmt::format_to(std::back_inserter(line), "{}{}", key, number);
}

/// RFC 3339, UTC.
void add_time(std::string& line, std::string_view key, WallTime time) {
    const auto whole = std::chrono::floor<Milliseconds>(time);
    const auto days = std::chrono::floor<std::chrono::days>(whole);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(whole - days);
    fmt::format_to(std::back_inserter(line), R"({}"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z")",
                   key, static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), clock.hours().count(),
                   clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace

std::string sighting_line(const device::Sighting& sighting) {
    std::string line;
    line.reserve(320);
    add_text(line, R"({"id":)", is_plain(sighting.id) ? sighting.id.view() : to_hex(sighting.id));
    add_text(line, R"(,"user":)", sighting.user);
    add_text(line, R"(,"user_agent":)", sighting.user_agent);
    add_text(line, R"(,"device_type":)", sighting.device_type);
    add_text(line, R"(,"protocol":)", sighting.protocol);
    add_time(line, R"(,"first_seen":)", sighting.first_seen);
    add_time(line, R"(,"last_seen":)", sighting.last_seen);
    add_number(line, R"(,"requests":)", sighting.requests);
    add_number(line, R"(,"refused":)", sighting.refused);
    add_text(line, R"(,"reason":)", sighting.reason);
    line += "}\n";
    return line;
}

std::string facts_line(const NodeFacts& facts) {
    std::string line;
    add_text(line, R"({"node":)", facts.node);
    add_text(line, R"(,"instance":)", facts.instance);
    add_text(line, R"(,"version":)", kVersion);
    add_number(line, R"(,"devices":)", facts.devices);
    line += "}\n";
    return line;
}

bool FeedReport::observe(std::vector<device::Sighting> sightings, MonotonicTime now) {
    const std::lock_guard lock(mutex_);
    const bool first = fresh_.empty();
    const std::uint64_t before = fresh_.dropped();
    for (device::Sighting& sighting : sightings) {
        fresh_.merge(std::move(sighting));
    }
    dropped_ += fresh_.dropped() - before;
    if (!first || fresh_.empty()) {
        return false;
    }
    fresh_since_ = now;
    return true;
}

std::optional<MonotonicTime> FeedReport::due() const {
    const std::lock_guard lock(mutex_);
    if (fresh_since_) {
        const MonotonicTime gathered = *fresh_since_ + pace_.gather;
        return last_ ? std::max(gathered, *last_ + pace_.interval) : gathered;
    }
    return failed_ && last_ ? std::optional(*last_ + pace_.interval) : std::nullopt;
}

std::string FeedReport::begin(const NodeFacts& facts, MonotonicTime now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    dropped_ += std::erase_if(leaving_, [&](const device::Sighting& sighting) {
        return wall - sighting.last_seen > pace_.keep;
    });
    last_ = now;
    fresh_since_.reset();
    // What failed and what is new about the same device becomes one line.
    const std::uint64_t before = fresh_.dropped();
    for (device::Sighting& sighting : leaving_) {
        fresh_.merge(std::move(sighting));
    }
    dropped_ += fresh_.dropped() - before;
    leaving_ = fresh_.take();
    std::string body;
    for (const device::Sighting& sighting : leaving_) {
        body += sighting_line(sighting);
    }
    return body + facts_line(facts);
}

void FeedReport::ended(bool accepted) {
    const std::lock_guard lock(mutex_);
    if (accepted) {
        sent_ += leaving_.size();
        leaving_.clear();
    }
    failed_ = !leaving_.empty();
}

std::uint64_t FeedReport::sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
}

std::uint64_t FeedReport::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

}  // namespace eg::gate
