/// One worker's memory of an instance, over reloads: states in force, held requests, counters,
/// sightings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "filters/facts.h"
#include "proxy/device/sighting.h"
#include "proxy/device/table.h"
#include "proxy/gate/bindings.h"
#include "proxy/gate/cut_offs.h"
#include "proxy/gate/device_feed.h"
#include "proxy/gate/held.h"
#include "proxy/gate/learned_agents.h"
#include "proxy/gate/learned_devices.h"
#include "proxy/gate/lockout_shield.h"
#include "proxy/gate/metrics.h"
#include "proxy/gate/rate_table.h"
#include "proxy/gate/upstream_trouble.h"

namespace eg::gate {

struct Slot {
    std::string name;
    InstanceMetrics* metrics = nullptr;
    std::shared_ptr<UpstreamTrouble> trouble;
    std::shared_ptr<LearnedAgents> agents;
    std::shared_ptr<LearnedDevices> traveler_devices;
    std::shared_ptr<LockoutShield> shield;  // null: off
    std::shared_ptr<RateTable> rates;       // null: no limit of requests
    std::shared_ptr<CutOffs> cut_offs;      // null: the instance enforces
    std::shared_ptr<Bindings> bindings;     // null: off
    std::shared_ptr<const ContactClock> contact;
    // Requests are judged by `table`. A held one ends by `settled` only: the last table that every
    // worker has, so that the next request meets the same verdict wherever it comes.
    std::shared_ptr<const device::DeviceTable> table;
    std::shared_ptr<const device::DeviceTable> settled;
    std::uint64_t states_version = 0;   // rises with each table
    std::uint64_t settled_version = 0;  // of `settled`
    struct Ending {
        bool on = false;
        std::int64_t began_ms = 0;  // monotonic
        std::int64_t over_ms = 0;
        std::size_t buckets =
            0;  // of `held`: what is in the first so many has ended, or ends at once
    } ending;   // of all that is held, before the node stops
    device::SightingTable sightings;
    std::int64_t sightings_given_ms = 0;  // when the feed last took them (monotonic)
    HeldIndex held;
    std::weak_ptr<DeviceFeed> feed;  // takes the sightings
    bool upstream_in_trouble = false;
    std::size_t recheck_slice =
        HeldIndex::kSlices;  // of `held`, next to be judged again; kSlices = none

    /// Whether the states may be relied on at `now_ms` (monotonic).
    [[nodiscard]] filters::StateAge age(std::int64_t now_ms) const {
        if (table == nullptr || contact == nullptr || contact->expires_at_ms() == 0) {
            return filters::StateAge::missing;
        }
        return now_ms < contact->expires_at_ms() ? filters::StateAge::fresh
                                                 : filters::StateAge::stale;
    }
};

}  // namespace eg::gate
