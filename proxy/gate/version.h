/// The version of the program: of `easgate version`, of the status and of the metrics.
#pragma once

#include <string_view>

namespace eg::gate {

/// The same as in CMakeLists.txt; a unit test holds both together.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace eg::gate
