#include "proxy/gate/feed_report.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/base/decimal.h"
#include "proxy/base/text.h"
#include "proxy/gate/version.h"
#include "proxy/log/escape.h"

namespace eg::gate {

namespace {

constexpr std::size_t kUsualLineBytes = 320;
// The feed gathers every second, unless it is busy with a long list of states.
constexpr std::size_t kMostWaiting = 100'000;  // sightings, 128 bytes each
constexpr std::size_t kMostSpare = 16;         // lists

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
    line += key;
    append_decimal(line, number);
}

void add_time(std::string& line, std::string_view key, WallTime time) {
    line += key;
    line += '"';
    append_utc(line, time);
    line += '"';
}

}  // namespace

void append_sighting(std::string& line, const device::Sighting& sighting,
                     const device::Description& description) {
    add_text(line, R"({"id":)", is_plain(sighting.id) ? sighting.id.view() : to_hex(sighting.id));
    add_text(line, R"(,"user":)", sighting.user);
    add_text(line, R"(,"user_agent":)", description.user_agent);
    add_text(line, R"(,"device_type":)", description.device_type);
    add_text(line, R"(,"protocol":)", description.protocol);
    add_time(line, R"(,"first_seen":)", sighting.first_seen);
    add_time(line, R"(,"last_seen":)", sighting.last_seen);
    add_number(line, R"(,"requests":)", sighting.requests);
    add_number(line, R"(,"refused":)", sighting.refused);
    add_text(line, R"(,"reason":)", description.reason);
    line += "}\n";
}

void append_facts(std::string& line, const NodeFacts& facts) {
    add_text(line, R"({"node":)", facts.node);
    add_text(line, R"(,"instance":)", facts.instance);
    add_text(line, R"(,"version":)", kVersion);
    add_number(line, R"(,"devices":)", facts.devices);
    line += "}\n";
}

bool FeedReport::observe(device::SightingTable& seen, MonotonicTime now) {
    if (seen.empty()) {
        return false;
    }
    Sightings memory;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_size_ + seen.size() > kMostWaiting) {
            return false;  // they stay where they are till next time
        }
        if (!spare_.empty()) {
            memory = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    Sightings sightings = seen.take(std::move(memory));
    const std::lock_guard lock(mutex_);
    waiting_size_ += sightings.size();
    waiting_.push_back(std::move(sightings));
    if (fresh_since_) {
        return false;
    }
    fresh_since_ = now;
    return true;
}

void FeedReport::gather() {
    std::vector<Sightings> lists;
    {
        const std::lock_guard lock(mutex_);
        lists = take_waiting();
    }
    merge_all(std::move(lists));
}

std::vector<FeedReport::Sightings> FeedReport::take_waiting() {
    waiting_size_ = 0;
    return std::exchange(waiting_, {});
}

void FeedReport::merge_all(std::vector<Sightings> lists) {
    for (Sightings& list : lists) {
        merge(list);
    }
    const std::lock_guard lock(mutex_);
    lists.resize(std::min(lists.size(), kMostSpare - spare_.size()));
    std::ranges::move(lists, std::back_inserter(spare_));
}

void FeedReport::merge(Sightings& sightings) {
    const std::uint64_t before = fresh_.dropped();
    fresh_.merge(sightings);
    dropped_ += fresh_.dropped() - before;
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
    dropped_ += std::erase_if(leaving_.list, [&](const device::Sighting& sighting) {
        return wall - sighting.last_seen > pace_.keep;
    });
    last_ = now;
    std::vector<Sightings> lists;
    {
        const std::lock_guard lock(mutex_);
        lists = take_waiting();
        fresh_since_.reset();
    }
    merge_all(std::move(lists));
    merge(leaving_);  // what failed and what is new about the same device becomes one line
    leaving_ = fresh_.take(std::move(leaving_));
    std::string body;
    body.reserve(kUsualLineBytes * (leaving_.size() + 1));
    for (const device::Sighting& sighting : leaving_.list) {
        append_sighting(body, sighting, leaving_.of(sighting));
    }
    append_facts(body, facts);
    return body;
}

void FeedReport::ended(bool accepted) {
    if (accepted) {
        sent_ += leaving_.size();
        leaving_.clear();
    }
    failed_ = !leaving_.empty();
}

}  // namespace eg::gate
