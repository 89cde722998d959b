// Properties: what is read back has no empty value and nothing that could upset a terminal or a
// table.

#include <algorithm>

#include "proxy/commands/access_line.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line = eg::fuzz::as_text(data, size);
    if (line.find_first_of("\n") != std::string_view::npos) {
        return 0;
    }
    const auto read = eg::commands::read_access_line(line);
    if (!read) {
        return 0;
    }
    for (const std::string* value : {&read->instance, &read->user, &read->device_id}) {
        EG_CHECK(!value->empty() || !line.starts_with('{'));
        EG_CHECK(std::none_of(value->begin(), value->end(), [](char c) {
            return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
        }));
    }
    return 0;
}
