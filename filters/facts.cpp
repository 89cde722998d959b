#include "filters/facts.h"

#include "proxy/base/text.h"

namespace eg::filters {

namespace {

constexpr std::string_view kActiveSyncPath = "/Microsoft-Server-ActiveSync";

}  // namespace

Service service_of(std::string_view path) {
    return iequals(path, kActiveSyncPath) ? Service::active_sync : Service::none;
}

std::string_view upstream_path(Service service) {
    return service == Service::active_sync ? kActiveSyncPath : std::string_view();
}

}  // namespace eg::filters
