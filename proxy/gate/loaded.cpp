#include "proxy/gate/loaded.h"

#include <fmt/format.h>

#include "proxy/config/problem.h"
#include "proxy/config/read.h"

namespace eg::gate {

std::expected<Loaded, LoadFailure> load(const std::string& path, std::uint64_t generation) {
    auto read = config::read_file(path);
    LoadFailure failure;
    if (!read) {
        failure.unreadable = true;
        failure.lines.push_back(fmt::format("{}: {}", path, describe(read.error())));
        return std::unexpected(failure);
    }
    Loaded loaded{.config = std::move(read->config), .instances = {}, .warnings = {}};
    for (const auto& problem : read->problems) {
        auto& lines = problem.severity == config::Severity::error ? failure.lines : loaded.warnings;
        lines.push_back(config::render(problem, read->source));
    }
    if (config::has_errors(read->problems)) {
        failure.unreadable = true;
        return std::unexpected(failure);
    }
    for (const auto& settings : loaded.config.instances) {
        auto instance = Instance::make(loaded.config, settings, generation);
        if (instance) {
            loaded.instances.push_back(std::move(*instance));
        } else {
            failure.lines.push_back(instance.error());
        }
    }
    if (!failure.lines.empty()) {
        return std::unexpected(failure);
    }
    return loaded;
}

}  // namespace eg::gate
