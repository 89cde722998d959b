#include "proxy/device/sighting.h"

#include <algorithm>

#include "proxy/device/table.h"

namespace eg::device {

namespace {

/// Longer texts of strangers are cut: a table of sightings must not grow with them.
constexpr std::size_t kMostText = 256;

void assign(std::string& to, std::string_view text) {
    text = text.substr(0, kMostText);
    if (to != text) {
        to.assign(text);
    }
}

}  // namespace

void SightingTable::note(const Seen& seen) {
    const std::uint64_t hash = DeviceTable::hash_id(seen.id);
    auto found = by_id_.find(hash);
    if (found == by_id_.end()) {
        if (by_id_.size() >= most_) {
            ++dropped_;
            return;
        }
        found = by_id_.try_emplace(hash).first;
        found->second.first_seen = seen.at;
        found->second.last_seen = seen.at;
    }
    Sighting& sighting = found->second;
    assign(sighting.id, seen.id);
    assign(sighting.user, seen.user);
    assign(sighting.user_agent, seen.user_agent);
    assign(sighting.device_type, seen.device_type);
    assign(sighting.protocol, seen.protocol);
    assign(sighting.reason, seen.reason);
    sighting.first_seen = std::min(sighting.first_seen, seen.at);
    sighting.last_seen = std::max(sighting.last_seen, seen.at);
    ++sighting.requests;
    sighting.refused += seen.reason.empty() || seen.observed ? 0U : 1U;
}

void SightingTable::merge(Sighting&& sighting) {
    const std::uint64_t hash = DeviceTable::hash_id(sighting.id);
    const auto found = by_id_.find(hash);
    if (found == by_id_.end()) {
        if (by_id_.size() >= most_) {
            ++dropped_;
            return;
        }
        by_id_.emplace(hash, std::move(sighting));
        return;
    }
    Sighting& known = found->second;
    sighting.requests += known.requests;
    sighting.refused += known.refused;
    sighting.first_seen = std::min(sighting.first_seen, known.first_seen);
    if (sighting.last_seen < known.last_seen) {
        known.requests = sighting.requests;
        known.refused = sighting.refused;
        known.first_seen = sighting.first_seen;
        return;  // the texts that we have are the later ones
    }
    known = std::move(sighting);
}

std::vector<Sighting> SightingTable::take() {
    std::vector<Sighting> all;
    all.reserve(by_id_.size());
    for (auto& [hash, sighting] : by_id_) {
        all.push_back(std::move(sighting));
    }
    by_id_.clear();
    return all;
}

}  // namespace eg::device
