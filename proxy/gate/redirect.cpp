#include "proxy/gate/redirect.h"

#include <algorithm>

#include "filters/facts.h"
#include "proxy/base/text.h"

namespace eg::gate {

namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kLongest = 2048;

bool is_plain(std::string_view text) {
    return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
               return c > 0x20 && c < 0x7F && c != '\\' && c != '"' && c != '<' && c != '>';
           });
}

}  // namespace

Redirects::Redirects(const config::Config& config, const config::Instance& own) {
    for (const config::Instance& instance : config.instances) {
        Target target;
        target.server = instance.activesync_server;
        target.server.host = lower(target.server.host);
        target.usual_port = target.server.port == (instance.ssl ? kHttpsPort : kHttpPort);
        target.public_url = instance.public_url;
        target.rules = filters::make_rules(config, instance);
        target.own = instance.name == own.name;
        if (const auto outside = parse(instance.public_url)) {
            target.outside = outside->server;
        }
        targets_.push_back(std::move(target));
    }
    // Two instances may publish one mail server; then it is the same one for both of them.
    std::stable_partition(targets_.begin(), targets_.end(),
                          [](const Target& target) { return target.own; });
}

std::optional<Redirects::Url> Redirects::parse(std::string_view text) {
    if (!is_plain(text)) {
        return std::nullopt;
    }
    const bool https = istarts_with(text, "https://");
    if (!https && !istarts_with(text, "http://")) {
        return std::nullopt;
    }
    text.remove_prefix(text.find("//") + 2);
    const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
    const std::uint16_t usual = https ? kHttpsPort : kHttpPort;
    auto server = HostPort::parse(text.substr(0, end), usual);
    if (!server) {
        return std::nullopt;
    }
    server->host = lower(server->host);
    if (server->host.ends_with('.')) {
        server->host.pop_back();  // the same name, written to its end
    }
    return Url{.server = *server, .usual_port = server->port == usual, .path = text.substr(end)};
}

const Redirects::Target* Redirects::find(const Url& url) const {
    const auto found = std::find_if(targets_.begin(), targets_.end(), [&](const Target& target) {
        const auto same = [&](const HostPort& a) {
            return !a.host.empty() && a.host == url.server.host && a.port == url.server.port;
        };
        // Behind a mail server that is reached without TLS, redirects say https all the same.
        const bool usual =
            target.usual_port && url.usual_port && target.server.host == url.server.host;
        return usual || same(target.server) || same(target.outside);
    });
    return found == targets_.end() ? nullptr : &*found;
}

std::optional<std::string> Redirects::moved_to(std::string_view url) const {
    const auto parsed = parse(url);
    const Target* target = parsed ? find(*parsed) : nullptr;
    if (target == nullptr || target->own || target->public_url.empty()) {
        return std::nullopt;
    }
    return target->public_url +
           std::string(filters::upstream_path(filters::Service::active_sync, {}));
}

std::optional<std::string> Redirects::location(std::string_view value) const {
    // "//host" names a host too.
    if (value.starts_with('/') && !value.starts_with("//") && is_plain(value)) {
        return std::string(value);
    }
    const auto parsed = parse(value);
    const Target* target = parsed ? find(*parsed) : nullptr;
    if (target == nullptr || target->public_url.empty()) {
        return std::nullopt;
    }
    const std::string_view path = parsed->path.substr(0, parsed->path.find_first_of("?#"));
    if (filters::service_of(path, target->rules) == filters::Service::none) {
        return std::nullopt;
    }
    return target->public_url + std::string(parsed->path);
}

}  // namespace eg::gate
