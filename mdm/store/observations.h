/// What the gates saw of devices, and of themselves. Works on the Database that it is given; not
/// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mdm/store/database.h"
#include "mdm/store/failure.h"

namespace eg::mdm {

/// Devices that were seen, but that nobody has listed: strangers can make up ids, so only the
/// newest are kept, an instance.
inline constexpr std::int64_t kMostUnlisted = 20'000;
/// Gate nodes remembered, an instance.
inline constexpr std::int64_t kMostNodes = 100;

/// One device since the last report of a node. Times in epoch seconds.
struct Observation {
    std::string id;  // as sent
    std::string user, user_agent, device_type, protocol;
    std::string reason;  // why the last request was refused; "" = it was allowed
    std::int64_t first_seen = 0;
    std::int64_t last_seen = 0;
    std::int64_t requests = 0;
    std::int64_t refused = 0;
};

struct NodeFacts {
    std::string name;
    std::string version;
    std::int64_t last_report = 0;
};

/// What one request reported.
struct Report {
    std::vector<Observation> observations;
    std::vector<NodeFacts> nodes;
};

struct ObservationCounts {
    std::int64_t listed = 0;    // devices of the instance that were seen
    std::int64_t unlisted = 0;  // seen, but no device of the instance
    std::int64_t last_seen = 0;
};

class Observations {
  public:
    explicit Observations(Database& database) : sql_(database.session()) {}

    /// Adds the numbers to what is known; the newest sighting gives user, agent and the like. All
    /// or none.
    [[nodiscard]] Outcome<void> note(std::int64_t instance, const Report& report);
    [[nodiscard]] Outcome<ObservationCounts> count(std::int64_t instance);
    [[nodiscard]] Outcome<std::vector<NodeFacts>> nodes(std::int64_t instance);
    /// Drops what was not seen after `before` (epoch seconds). Returns how many.
    [[nodiscard]] Outcome<std::int64_t> forget(std::int64_t before);

  private:
    soci::session& sql_;
};

}  // namespace eg::mdm
