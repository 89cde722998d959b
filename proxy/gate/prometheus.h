/// The metrics of a node in the Prometheus text format, version 0.0.4. Names and meaning:
/// docs/metrics.md.
#pragma once

#include <string>
#include <string_view>

#include "proxy/gate/metrics.h"
#include "proxy/gate/node_status.h"
#include "proxy/log/log.h"

namespace eg::gate {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// Bounded by the number of instances: no label holds anything that a client says.
[[nodiscard]] std::string render_prometheus(const NodeStatus& status, const Metrics& metrics,
                                            const log::Counts& log_counts);

}  // namespace eg::gate
