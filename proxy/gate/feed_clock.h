/// The clocks of this machine, as the age of device states is measured with (device/contact.h).
#pragma once

#include "proxy/device/contact.h"

namespace eg::gate {

/// Reads the id of this boot, the boot clock and the wall clock. Where /proc doesn't tell the id it
/// is zeros, which are no boot. Any thread; reads one small file of the kernel.
[[nodiscard]] device::Moment read_clocks();

}  // namespace eg::gate
