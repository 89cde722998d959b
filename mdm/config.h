/// The companion's configuration file as typed values with their defaults. docs: conf/mdm.yaml.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/ip.h"
#include "proxy/config/config.h"
#include "proxy/config/problem.h"

namespace eg::mdm {

struct Config {
    std::string path;       // of the file itself
    std::string node_name;  // in log lines; default: host name
    std::string user;       // when started as root: switch to it after binding
    SocketAddress listen;   // default: *:8443
    std::string database = "/var/lib/easgate-mdm/mdm.db";
    std::string certificate_file;
    std::string private_key_file;
    config::Log log;  // `access` has no meaning here; directory "" = standard error
};

struct ConfigRead {
    Config config;              // usable only if no problem is an error
    config::Problems problems;  // all at once, in the order of the file
    std::string source;         // the text, for rendering
};

/// `path` names the file in problems; relative file names are resolved against its folder.
[[nodiscard]] ConfigRead read_config_text(std::string_view text, const std::string& path);
/// An unreadable file is an Error with errno.
[[nodiscard]] Result<ConfigRead> read_config_file(const std::string& path);

}  // namespace eg::mdm
