#include "bench/load/arguments.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace eg::bench {

Arguments::Arguments(int count, char** values, std::initializer_list<std::string_view> known) {
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name(values[i]);
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            fail(fmt::format("unknown argument {}", name));
        }
        values_[std::string(name)] = values[i + 1];
    }
    if (count % 2 == 0) {
        fail("arguments come in pairs: --name value");
    }
}

bool Arguments::has(std::string_view name) const {
    return values_.find(name) != values_.end();
}

std::string Arguments::text(std::string_view name, std::string_view otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string(otherwise) : found->second;
}

std::uint64_t Arguments::number(std::string_view name, std::uint64_t otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
        return otherwise;
    }
    const std::string& digits = found->second;
    std::uint64_t value = 0;
    const auto end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
        fail(fmt::format("{} wants a number, not {}", name, digits));
    }
    return value;
}

void fail(std::string_view what) {
    fmt::print(stderr, "{}{}{}\n", what, errno == 0 ? "" : ": ", errno == 0 ? "" : strerror(errno));
    std::exit(64);
}

}  // namespace eg::bench
