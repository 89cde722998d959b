#include "proxy/device/sighting.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/device/id_key.h"
#include "proxy/device/table.h"

namespace eg::device {

namespace {

/// Longer texts of strangers are cut: a table of sightings must not grow with them.
constexpr std::size_t kMostText = 256;

std::string_view cut(std::string_view text) {
    return text.substr(0, kMostText);
}

template <std::size_t N>
void assign(SmallText<N>& to, std::string_view text) {
    if (to != text) {
        to = text;
    }
}

bool fits(const Description& description, const Seen& seen) {
    return description.user_agent == cut(seen.user_agent) &&
           description.device_type == cut(seen.device_type) &&
           description.protocol == cut(seen.protocol) && description.reason == cut(seen.reason);
}

std::uint64_t hash_of(const Seen& seen) {
    // Each text behind its length. Deliberately not cleared: it would cost more than the hash.
    std::array<char, 4 * (2 + kMostText)> bytes;
    char* end = bytes.data();
    for (std::string_view text : {seen.user_agent, seen.device_type, seen.protocol, seen.reason}) {
        text = cut(text);
        *end++ = static_cast<char>(text.size() / 256);
        *end++ = static_cast<char>(text.size() % 256);
        end = std::copy(text.begin(), text.end(), end);
    }
    return keyed_hash({bytes.data(), end});
}

}  // namespace

void SightingTable::note(const Seen& seen) {
    note(DeviceTable::hash_id(seen.id), seen);
}

void SightingTable::note(std::uint64_t device, const Seen& seen) {
    Sighting* const sighting = find_or_add(device);
    if (sighting == nullptr) {
        return;
    }
    if (sighting->requests == 0) {
        sighting->first_seen = seen.at;
        sighting->last_seen = seen.at;
        describe(*sighting, seen);
    } else if (!fits(descriptions_[sighting->description], seen)) {
        describe(*sighting, seen);
    }
    assign(sighting->id, cut(seen.id));
    assign(sighting->user, cut(seen.user));
    sighting->first_seen = std::min(sighting->first_seen, seen.at);
    sighting->last_seen = std::max(sighting->last_seen, seen.at);
    ++sighting->requests;
    sighting->refused += seen.reason.empty() || seen.observed ? 0U : 1U;
}

void SightingTable::describe(Sighting& sighting, const Seen& seen) {
    if (descriptions_.size() > 0 && fits(descriptions_[last_], seen)) {
        sighting.description = last_;
        return;
    }
    const std::uint64_t hash = hash_of(seen);
    Description* description = descriptions_.find(hash);
    if (description == nullptr) {
        if (!may_describe(sighting)) {
            return;
        }
        description = &descriptions_.add(hash);
        description->user_agent = cut(seen.user_agent);
        description->device_type = cut(seen.device_type);
        description->protocol = cut(seen.protocol);
        description->reason = cut(seen.reason);
    }
    last_ = descriptions_.place_of(*description);
    sighting.description = last_;
}

void SightingTable::merge(Sightings& from) {
    for (Sighting& other : from.list) {
        Sighting* const known = find_or_add(other.hash);
        if (known == nullptr) {
            continue;
        }
        if (known->requests == 0) {
            adopt(*known, from.descriptions[other.description]);
            other.description = known->description;
            *known = std::move(other);
            continue;
        }
        known->requests += other.requests;
        known->refused += other.refused;
        known->first_seen = std::min(known->first_seen, other.first_seen);
        if (other.last_seen >= known->last_seen) {
            known->last_seen = other.last_seen;
            known->id = std::move(other.id);
            known->user = std::move(other.user);
            adopt(*known, from.descriptions[other.description]);
        }
    }
    from.clear();
}

void SightingTable::adopt(Sighting& sighting, const Description& from) {
    Description* description = descriptions_.find(from.hash);
    if (description == nullptr) {
        if (!may_describe(sighting)) {
            return;
        }
        description = &descriptions_.add(from.hash);
        *description = from;
    }
    sighting.description = descriptions_.place_of(*description);
}

Sightings SightingTable::take(Sightings empty) {
    last_ = 0;
    return {sightings_.take(std::move(empty.list)),
            descriptions_.take(std::move(empty.descriptions))};
}

Sighting* SightingTable::find_or_add(std::uint64_t device) {
    if (Sighting* const known = sightings_.find(device)) {
        return known;
    }
    if (sightings_.size() >= most_) {
        ++dropped_;
        return nullptr;
    }
    return &sightings_.add(device);
}

}  // namespace eg::device
