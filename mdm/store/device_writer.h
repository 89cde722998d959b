/// The prepared statements that change one device after the other inside a transaction. For
/// devices.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/device/record.h"

namespace soci {
class session;
}

namespace eg::mdm {

/// Throws what the database library throws; lives inside guarded(), within one transaction.
class DeviceWriter {
  public:
    DeviceWriter(soci::session& sql, std::int64_t instance);
    ~DeviceWriter();
    DeviceWriter(const DeviceWriter&) = delete;
    DeviceWriter& operator=(const DeviceWriter&) = delete;

    /// The device of that canonical id, tombstones included.
    [[nodiscard]] std::optional<device::Record> find(const std::string& canonical);
    /// Writes what find() of the same id didn't find.
    void insert(const device::Record& record, std::int64_t number);
    /// Replaces what the last find() found.
    void replace(const device::Record& record, std::int64_t number);
    /// Makes `number` the newest change of the instance.
    void mark(std::int64_t number);

  private:
    struct Statements;
    void write_users(const device::Record& record);
    std::unique_ptr<Statements> statements_;
};

}  // namespace eg::mdm
