/// Who is asking, where a request names no device: a user of a permitted one?
#pragma once

#include "filters/facts.h"

namespace eg::filters {

/// Whether one permitted device names every name that the request claims, its connection's and its
/// certificate's among them; true where none is claimed, for then the mail server asks. Needs
/// DeviceTable::with_users().
[[nodiscard]] bool is_named_by_device(const Facts& facts);

/// Whether any permitted device is for any user. The same need.
[[nodiscard]] bool has_device_for_any_user(const Facts& facts);

}  // namespace eg::filters
