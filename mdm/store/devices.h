/// The devices of the instances. Every change takes a change number that is higher than all before
/// it, so that a gate can ask for what came after. Works on the Database that it is given; not
/// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mdm/store/database.h"
#include "mdm/store/failure.h"
#include "mdm/store/record_rows.h"
#include "proxy/device/record.h"

namespace eg::mdm {

/// What an administrator changes of a device; nothing = stays.
struct DeviceChange {
    std::optional<std::vector<std::string>> users{};
    std::optional<device::State> state{};
    std::optional<std::string> reason{};
    std::optional<std::vector<device::KeyHash>> keys{};
};

/// What the records of an import say. The rest stays as it is in devices that exist.
struct ImportParts {
    bool users = true;
    bool state = true;
    bool reason = true;
    bool keys = true;
};

struct ImportCounts {
    std::int64_t added = 0;
    std::int64_t changed = 0;
    std::int64_t unchanged = 0;
};

/// How many devices are in each state, by device::State; `removed` counts tombstones.
using StateCounts = std::array<std::int64_t, 5>;

class Devices {
  public:
    explicit Devices(Database& database) : sql_(database.session()) {}

    /// Fails with `exists` if the instance has a device of that canonical id.
    [[nodiscard]] Outcome<void> add(std::int64_t instance, const device::Record& record);
    /// Returns the device as it is now. Nothing is written if nothing differs.
    [[nodiscard]] Outcome<device::Record> change(std::int64_t instance, std::string_view id,
                                                 const DeviceChange& change);
    [[nodiscard]] Outcome<void> remove(std::int64_t instance, std::string_view id);
    /// Adds or changes each device, all or none. Records must be valid (device_rules.h), each
    /// canonical id once. Those that don't differ keep their change number, so that gates needn't
    /// hear of them.
    [[nodiscard]] Outcome<ImportCounts> import(std::int64_t instance,
                                               std::span<const device::Record> records,
                                               const ImportParts& parts = {});

    /// At most `most` devices after the canonical id `after` ("" = from the start), in the order of
    /// their canonical ids; the number is the time they were last seen in epoch seconds, 0 = never.
    [[nodiscard]] Outcome<std::vector<NumberedRecord>> page(std::int64_t instance,
                                                            const std::string& after,
                                                            std::int64_t most);
    [[nodiscard]] Outcome<StateCounts> count(std::int64_t instance);

    /// Drops the tombstones of devices removed before `before` (epoch seconds), in all instances.
    /// Cursors that are older get a full answer from then on. Returns how many were dropped.
    [[nodiscard]] Outcome<std::int64_t> forget_removed(std::int64_t before);

  private:
    soci::session& sql_;
};

}  // namespace eg::mdm
