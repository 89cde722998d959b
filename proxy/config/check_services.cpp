#include "proxy/config/check_services.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "proxy/base/host_name.h"
#include "proxy/base/text.h"

namespace eg::config {

namespace {

constexpr std::size_t kMostNames = 16;
// [MS-ASHTTP] 2.2.1.1.2.4
constexpr std::array<std::string_view, 7> kVersions{"2.5",  "12.0", "12.1", "14.0",
                                                    "14.1", "16.0", "16.1"};
constexpr std::size_t kLongestName = 64;

/// Names of parameters and fields; a field name with '_' never reaches a mail server.
bool is_plain_name(std::string_view name, bool with_underscore) {
    return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [&](char c) {
        return is_alnum(c) || c == '-' || c == '.' || (with_underscore && c == '_');
    });
}

void check_push_hosts(const Instance& instance, std::vector<ServiceFinding>& findings) {
    for (std::size_t i = 0; i < instance.ews_push_hosts.size(); ++i) {
        const std::string& host = instance.ews_push_hosts[i];
        std::string key = fmt::format("ews_push_hosts[{}]", i);
        if (host == "*") {
            findings.push_back({std::move(key),
                                "every host may be named: whoever knows a password can make the "
                                "mail server connect to a server of theirs; list the hosts of the "
                                "app's push service instead",
                                false});
        } else if (!is_host_name(host)) {
            findings.push_back({std::move(key),
                                "expected the name of a host, as push.example.com, without "
                                "https://, port and path; addresses are never permitted"});
        }
    }
    if (instance.allow_ews_subscriptions && instance.ews_push_hosts.empty()) {
        findings.push_back({"allow_ews_subscriptions",
                            "every subscription will be refused, because ews_push_hosts is empty: "
                            "list the hosts of the app's push service",
                            false});
    }
}

void check_names(const std::vector<std::string>& names, std::string_view key, bool fields,
                 std::vector<ServiceFinding>& findings) {
    if (names.size() > kMostNames) {
        findings.push_back(
            {std::string(key), fmt::format("expected at most {} names", kMostNames)});
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!is_plain_name(names[i], !fields)) {
            findings.push_back({fmt::format("{}[{}]", key, i),
                                fields ? "expected the name of a header field, as X-DeviceId"
                                       : "expected the name of a query parameter, as deviceId"});
        }
    }
}

void check_versions(const Instance& instance, std::vector<ServiceFinding>& findings) {
    for (std::size_t i = 0; i < instance.protocol_versions.size(); ++i) {
        if (std::ranges::find(kVersions, instance.protocol_versions[i]) == kVersions.end()) {
            findings.push_back({fmt::format("protocol_versions[{}]", i),
                                fmt::format("expected a version of ActiveSync in quotes, one of "
                                            "{}",
                                            fmt::join(kVersions, ", "))});
        }
    }
}

}  // namespace

std::vector<ServiceFinding> check_services(const Instance& instance) {
    std::vector<ServiceFinding> findings;
    check_push_hosts(instance, findings);
    check_names(instance.traveler_device_parameters, "traveler_device_parameters", false, findings);
    check_names(instance.traveler_device_fields, "traveler_device_fields", true, findings);
    check_versions(instance, findings);
    if (instance.bind == Bind::certificate && !instance.require_client_certificate) {
        findings.push_back(
            {"bind",
             "devices can be bound to certificates only where require_client_certificate "
             "is true"});
    }
    return findings;
}

}  // namespace eg::config
