/// A list of devices as comma-separated values (RFC 4180), read strictly. Pure.
///
/// The first line names the columns: `id`, and any of `users` (separated by `;`), `state`,
/// `reason`, `keys` (separated by a space), in any order. Lines end with LF or CRLF; a field with a
/// comma, a quote or a line end stands in quotes, in which a quote is doubled.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mdm/store/devices.h"
#include "proxy/device/record.h"

namespace eg::mdm {

struct CsvProblem {
    std::int64_t line = 0;  // from 1; where the record starts
    std::string message;
};

struct DeviceList {
    std::vector<device::Record> records;  // complete only if there is no problem
    ImportParts parts;                    // the columns that the first line names
    std::vector<CsvProblem> problems;     // all of them, in the order of the file
};

/// A record without a state is `allow`, unless it is of a device that exists and there is no such
/// column. Reports every record that is wrong, and ids that are the
/// same device as an earlier one.
[[nodiscard]] DeviceList parse_device_csv(std::string_view text);

/// `alice;CORP\bob` into its names, without spaces around them and without empty ones.
[[nodiscard]] std::vector<std::string> split_users(std::string_view text);

}  // namespace eg::mdm
