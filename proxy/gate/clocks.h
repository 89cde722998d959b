/// The clocks of this machine, as the age of device states is measured with (device/contact.h).
#pragma once

#include "proxy/device/contact.h"

namespace eg::gate {

/// Reads boot clock, wall clock and the id of this boot. Where /proc doesn't tell the id it is
/// zeros. Reads one small file of the kernel; any thread.
[[nodiscard]] device::Moment read_clocks();

}  // namespace eg::gate
