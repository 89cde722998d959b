#include "filters/facts.h"

#include <array>
#include <utility>

#include "proxy/base/text.h"

namespace eg::filters {

void find_binding(Facts& facts, const device::FindBinding& find) {
    // By the id as it is listed: two spellings of an id are one device.
    facts.bound = find(facts.device->id(), facts.binding.emplace());
    if (facts.bound != device::Bound::yes) {
        facts.binding.reset();
    }
}

namespace {

constexpr std::string_view kActiveSyncPath = "/Microsoft-Server-ActiveSync";
constexpr std::string_view kEwsPath = "/EWS/Exchange.asmx";

/// The prefixes that Traveler servers publish, and what ActiveSync below them is called.
struct TravelerPrefix {
    std::string_view path;
    std::string_view active_sync;
};
constexpr std::array<TravelerPrefix, 2> kTravelerPrefixes{{
    {"/traveler", "/traveler/Microsoft-Server-ActiveSync"},
    {"/servlet/traveler", "/servlet/traveler/Microsoft-Server-ActiveSync"},
}};

/// The two forms of Autodiscover that phones use ([MS-OXDISCO] 3.1.5, Autodiscover version 2).
constexpr std::array<std::string_view, 2> kAutodiscoverPaths{"/autodiscover/autodiscover.xml",
                                                             "/autodiscover/autodiscover.json"};

const TravelerPrefix* traveler_prefix_of(std::string_view path) {
    for (const TravelerPrefix& prefix : kTravelerPrefixes) {
        if (istarts_with(path, prefix.path) &&
            (path.size() == prefix.path.size() || path[prefix.path.size()] == '/')) {
            return &prefix;
        }
    }
    return nullptr;
}

Service traveler_service_of(std::string_view path) {
    const TravelerPrefix* prefix = traveler_prefix_of(path);
    if (prefix == nullptr) {
        return Service::none;
    }
    if (iequals(path, prefix->active_sync)) {
        return Service::active_sync;
    }
    // A server might take any path for ActiveSync in which that name stands.
    for (std::size_t at = 0; at != std::string_view::npos; at = path.find('/', at + 1)) {
        if (istarts_with(path.substr(at), kActiveSyncPath)) {
            return Service::none;
        }
    }
    return Service::traveler;
}

}  // namespace

Service service_of(std::string_view path, const Rules& rules) {
    if (iequals(path, kActiveSyncPath)) {
        return Service::active_sync;
    }
    if (rules.ews && iequals(path, kEwsPath)) {
        return Service::ews;
    }
    if (rules.autodiscover) {
        for (const std::string_view published : kAutodiscoverPaths) {
            if (iequals(path, published)) {
                return Service::autodiscover;
            }
        }
    }
    return rules.traveler ? traveler_service_of(path) : Service::none;
}

std::string_view upstream_path(Service service, std::string_view path) {
    switch (service) {
        case Service::none:
            return {};
        case Service::active_sync: {
            const TravelerPrefix* prefix = traveler_prefix_of(path);
            return prefix == nullptr ? kActiveSyncPath : prefix->active_sync;
        }
        case Service::ews:
            return kEwsPath;
        case Service::traveler:
            return path;
        case Service::autodiscover:
            return iequals(path, kAutodiscoverPaths[0]) ? kAutodiscoverPaths[0]
                                                        : kAutodiscoverPaths[1];
    }
    return {};
}

std::string_view name_of(Service service) {
    switch (service) {
        case Service::none:
            return {};
        case Service::active_sync:
            return "ActiveSync";
        case Service::ews:
            return "EWS";
        case Service::traveler:
            return "Traveler";
        case Service::autodiscover:
            return "Autodiscover";
    }
    return {};
}

}  // namespace eg::filters
