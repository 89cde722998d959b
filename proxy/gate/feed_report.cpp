#include "proxy/gate/feed_report.h"

#include <jansson.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <fmt/chrono.h>

#include "proxy/base/text.h"
#include "proxy/gate/version.h"

namespace eg::gate {

namespace {

struct Drop {
    void operator()(json_t* value) const { json_decref(value); }
};
using Json = std::unique_ptr<json_t, Drop>;

bool is_plain(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
}

/// UTF-8 whatever the bytes are.
std::string readable(std::string_view text) {
    if (is_utf8(text)) {
        return std::string(text);
    }
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xC0U | byte >> 6);
            out += static_cast<char>(0x80U | (byte & 0x3FU));
        }
    }
    return out;
}

void set_text(const Json& object, const char* key, std::string_view text) {
    json_object_set_new(object.get(), key, json_stringn(text.data(), text.size()));
}

void set_number(const Json& object, const char* key, std::uint64_t number) {
    json_object_set_new(object.get(), key, json_integer(static_cast<json_int_t>(number)));
}

void set_time(const Json& object, const char* key, WallTime time) {
    const auto since = std::chrono::floor<Milliseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const auto utc = fmt::gmtime(static_cast<std::time_t>(seconds.count()));
    set_text(object, key,
             fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, (since - seconds).count()));
}

std::string line_of(const Json& object) {
    const std::unique_ptr<char, decltype(&std::free)> text(json_dumps(object.get(), JSON_COMPACT),
                                                           &std::free);
    return text == nullptr ? std::string() : std::string(text.get()) + '\n';
}

}  // namespace

std::string sighting_line(const device::Sighting& sighting) {
    const Json object(json_object());
    set_text(object, "id", is_plain(sighting.id) ? sighting.id.view() : to_hex(sighting.id));
    set_text(object, "user", readable(sighting.user));
    set_text(object, "user_agent", readable(sighting.user_agent));
    set_text(object, "device_type", readable(sighting.device_type));
    set_text(object, "protocol", readable(sighting.protocol));
    set_time(object, "first_seen", sighting.first_seen);
    set_time(object, "last_seen", sighting.last_seen);
    set_number(object, "requests", sighting.requests);
    set_number(object, "refused", sighting.refused);
    set_text(object, "reason", readable(sighting.reason));
    return line_of(object);
}

std::string facts_line(const NodeFacts& facts) {
    const Json object(json_object());
    set_text(object, "node", readable(facts.node));
    set_text(object, "instance", readable(facts.instance));
    set_text(object, "version", kVersion);
    set_number(object, "devices", facts.devices);
    return line_of(object);
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
