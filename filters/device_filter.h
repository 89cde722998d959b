/// Does the request name a device, does the MDM server list it, and does it permit it? OPTIONS
/// carries no device id as a rule ([MS-ASHTTP] 2.2.3), but where it does it is judged by it.
#pragma once

#include <optional>

#include "filters/facts.h"
#include "filters/verdict.h"

namespace eg::filters {

[[nodiscard]] Reason judge_device(const Facts& facts);

/// Of a request that names a device: what the record of it says, if there is one.
[[nodiscard]] Reason judge_record(const std::optional<device::RecordView>& device);

}  // namespace eg::filters
