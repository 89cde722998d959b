/// A configuration that was read and built: what a start and a reload have in common.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/gate/instance.h"

namespace eg::gate {

struct Loaded {
    config::Config config;
    std::vector<std::shared_ptr<const Instance>> instances;
    std::vector<std::string> warnings;
};

struct LoadFailure {
    std::vector<std::string> lines;  // everything that is wrong, rendered for people
    bool unreadable = false;         // the file itself can't be read or parsed
};

/// Reads the file, checks it, and builds every instance with its certificates. Nothing of it is in
/// force yet; a failure names all that is wrong.
[[nodiscard]] std::expected<Loaded, LoadFailure> load(const std::string& path,
                                                      std::uint64_t generation);

}  // namespace eg::gate
