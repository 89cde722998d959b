#include "mdm/config.h"

#include <cerrno>
#include <string>

#include <doctest/doctest.h>

using namespace eg;
using namespace eg::mdm;

namespace {

std::string problems_of(const std::string& text) {
    const ConfigRead read = read_config_text(text, "/etc/easgate/mdm.yaml");
    return config::render(read.problems, read.source);
}

const std::string kNeeded = "certificate_file: c.pem\nprivate_key_file: k.pem\n";

}  // namespace

TEST_CASE("the file that ships names every key with its default") {
    const auto read = read_config_file(EASGATE_TESTS_DIR "/../conf/mdm.yaml");
    REQUIRE(read.has_value());
    CHECK(config::render(read->problems, read->source).empty());
    const auto defaults = read_config_text(kNeeded, "/etc/easgate/mdm.yaml");
    CHECK(read->config.listen == defaults.config.listen);
    CHECK(read->config.database == defaults.config.database);
    CHECK(read->config.node_name == defaults.config.node_name);
    CHECK(read->config.user == defaults.config.user);
    CHECK(read->config.log.directory == defaults.config.log.directory);
    CHECK(read->config.log.level == defaults.config.log.level);
    CHECK(read->config.log.format == defaults.config.log.format);
    for (const char* key :
         {"node:", "  name:", "  user:", "listen:", "database:", "certificate_file:",
          "private_key_file:", "log:", "  directory:", "  level:", "  format:"}) {
        CAPTURE(key);
        CHECK(read->source.find(std::string("\n") + key) != std::string::npos);
    }
}

TEST_CASE("values are read, relative files resolved") {
    const auto read = read_config_text(
        "node: {name: mdm-1, user: easgate-mdm}\nlisten: 127.0.0.1:9443\ndatabase: db/mdm.db\n" +
            kNeeded + "log: {directory: \"\", level: debug, format: json}\n",
        "/etc/easgate/mdm.yaml");
    CHECK(config::render(read.problems, read.source).empty());
    CHECK(read.config.node_name == "mdm-1");
    CHECK(read.config.user == "easgate-mdm");
    CHECK(read.config.listen.to_string() == "127.0.0.1:9443");
    CHECK(read.config.database == "/etc/easgate/db/mdm.db");
    CHECK(read.config.certificate_file == "/etc/easgate/c.pem");
    CHECK(read.config.log.directory.empty());
    CHECK(read.config.log.level == config::LogLevel::debug);
    CHECK(read.config.log.format == config::LogFormat::json);
}

TEST_CASE("what is wrong is said with its place") {
    CHECK(problems_of(kNeeded).empty());
    CHECK(problems_of("listen: 127.0.0.1:9443\n").find("certificate_file: is required") !=
          std::string::npos);
    CHECK(problems_of(kNeeded + "databse: x\n").find("mdm.yaml:3:1: error: databse") !=
          std::string::npos);
    CHECK(problems_of(kNeeded + "listen: 8443\n").find("ADDRESS:PORT") != std::string::npos);
    CHECK(problems_of(kNeeded + "listen: 127.0.0.1:0\n").find("ADDRESS:PORT") != std::string::npos);
    CHECK(problems_of(kNeeded + "database: \"\"\n").find("database: is required") !=
          std::string::npos);
    CHECK(problems_of(kNeeded + "log: {access: true}\n").find("log.access") != std::string::npos);
    CHECK(problems_of("a: [").find("error") != std::string::npos);
}

TEST_CASE("a file that isn't there is an error with its cause") {
    const auto read = read_config_file("/nowhere/mdm.yaml");
    REQUIRE(!read);
    CHECK(read.error().sys_errno == ENOENT);
}
