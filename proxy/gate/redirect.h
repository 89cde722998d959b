/// Where a mail server may send a phone: Exchange answers 451 with X-MS-Location when a mailbox
/// lives on another server ([MS-ASHTTP] 2.2.1.1.2.2), and names that server as it knows it: from
/// the inside. A phone that followed would pass the gate by. Pure values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/rules.h"
#include "proxy/config/config.h"

namespace eg::gate {

/// The servers that a node publishes, as redirects may name them, seen from one instance.
class Redirects {
  public:
    Redirects() = default;
    /// `own`: the instance whose mail server redirects.
    Redirects(const config::Config& config, const config::Instance& own);

    /// What X-MS-Location of a 451 becomes: the address of ActiveSync at the public_url of the
    /// instance that publishes the server which `url` names, by its inside name or by its public
    /// one. Nothing where no instance does, where that instance has no public_url, where it is the
    /// same one, and for whatever isn't a plain http or https URL.
    [[nodiscard]] std::optional<std::string> moved_to(std::string_view url) const;

    /// What Location of a 3xx becomes. A path of the same host stays as it is. A URL of a server
    /// that is published, this instance's own among them, is given with its public_url, where its
    /// path is one that can be published. Nothing for all else.
    [[nodiscard]] std::optional<std::string> location(std::string_view value) const;

  private:
    struct Target {
        HostPort server;   // lower case
        HostPort outside;  // of public_url; host empty without one
        bool usual_port = false;
        std::string public_url;
        filters::Rules rules;  // what is published there
        bool own = false;
    };
    struct Url {
        HostPort server;
        bool usual_port = false;
        std::string_view path;  // with query; "" or from the slash on
    };
    [[nodiscard]] static std::optional<Url> parse(std::string_view text);
    [[nodiscard]] const Target* find(const Url& url) const;

    std::vector<Target> targets_;  // the own ones first
};

}  // namespace eg::gate
