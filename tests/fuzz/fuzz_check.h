/// What fuzz targets use to state a property: unlike assert it holds in every build.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/check.h"

// The entry point that libFuzzer and the replay program call; declared because nobody includes it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace eg::fuzz {

[[nodiscard]] inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace eg::fuzz
