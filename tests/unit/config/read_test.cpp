#include "proxy/config/read.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "proxy/config/section.h"

namespace {

using namespace eg::config;

std::string minimal(const std::string& more = {}) {
    return "mdm: {url: \"https://mdm.example\"}\n"
           "tls: {certificate_file: c.pem, private_key_file: /k.pem}\n"
           "instances:\n"
           "  - name: hq\n"
           "    listen: 0.0.0.0:443\n"
           "    activesync_server: mail.corp.example\n"
           "    identity_certificate_file: hq.crt\n"
           "    identity_private_key_file: hq.key\n" +
           more;
}

/// The first problem, as `line:column message`; "" if there is none.
std::string first(const std::string& text) {
    const auto read = read_text(text, "easgate.yaml");
    if (read.problems.empty()) {
        return {};
    }
    const Problem& problem = read.problems.front();
    return std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " +
           problem.message;
}

}  // namespace

TEST_CASE("bytes that no configuration file holds are refused with their place") {
    CHECK(first(minimal()).empty());
    CHECK(first(std::string("a: b\nc: d\0e\n", 12)).starts_with("2:5 control character 0x00"));
    CHECK(first("a: b\x1B[31m\n").starts_with("1:5 control character 0x1B"));
    CHECK(first("a: b\x7F\n").starts_with("1:5 control character 0x7F"));
    CHECK(first("a: b\x04\nc: [\n").starts_with("1:5 control character 0x04"));
    CHECK(first("a: b\rc: d\n").starts_with("1:5 control character 0x0D"));
    CHECK(first("a: \xFF\xFE\n").starts_with("1:1 bytes that are not UTF-8"));
    CHECK(first("x:\n    \ty: 1\n").starts_with("2:5 a tab"));
    CHECK(first(std::string(kMaxSourceBytes + 1, '#')).starts_with("0:1 the file is larger"));
}

TEST_CASE("line ends of Windows and a byte order mark are accepted and don't move columns") {
    std::string text = "\xEF\xBB\xBF" + minimal("    tls: yes\n");
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) {
        text.insert(at, 1, '\r');
    }
    const auto read = read_text(text, "easgate.yaml");
    REQUIRE(read.problems.size() == 1);
    CHECK(read.problems[0].line == 9);
    CHECK(read.problems[0].column == 10);
    CHECK(render(read.problems[0], read.source).find("\r") == std::string::npos);
}

TEST_CASE("file names are resolved against the folder of the file, absolute ones stay") {
    const auto read = read_text(minimal("    client_ca_file: \"\"\n"), "/srv/conf/easgate.yaml");
    REQUIRE_FALSE(has_errors(read.problems));
    CHECK(read.config.tls.certificate_file == "/srv/conf/c.pem");
    CHECK(read.config.tls.private_key_file == "/k.pem");
    CHECK(read.config.instances[0].client_ca_file.empty());
    CHECK(read_text(minimal(), "easgate.yaml").config.tls.certificate_file == "c.pem");
    CHECK(read_text(minimal(), "sub/easgate.yaml").config.tls.certificate_file == "sub/c.pem");
}

TEST_CASE("defaults are those of the documentation") {
    const Config config = read_text(minimal(), "/etc/easgate/easgate.yaml").config;
    CHECK_FALSE(config.node.name.empty());
    CHECK(config.node.workers == 0);
    CHECK(config.node.admin->to_string() == "127.0.0.1:9180");
    CHECK(config.node.control == "/var/lib/easgate/easgate.sock");
    CHECK(config.mdm.state_lifetime == std::chrono::hours(24));
    CHECK(config.limits.header_bytes == eg::kibibytes(16));
    CHECK(config.limits.held_timeout == std::chrono::seconds(3660));
    CHECK_FALSE(config.mail_user_agents.allow.has_value());
    CHECK(config.instances[0].tls);
    CHECK(config.instances[0].activesync_server.port == 443);
}

TEST_CASE("the control socket lies beside the state file") {
    const auto text = "node: {name: n}\n" + minimal().replace(6, 0, "state_file: s/d.state, ");
    CHECK(read_text(text, "/srv/e.yaml").config.node.control == "/srv/s/easgate.sock");
}

TEST_CASE("an inline password reaches the configuration but neither problems nor their lines") {
    const std::string yaml =
        "mdm: {url: 5}\ntls: {pkcs12_file: a.p12, pkcs12_password: hunter2, min_version: 9}\n";
    const auto read = read_text(yaml, "easgate.yaml");
    CHECK(read.config.tls.pkcs12_password.reveal() == "hunter2");
    CHECK(render(read.problems, read.source).find("min_version") != std::string::npos);
    CHECK(render(read.problems, read.source).find("hunter2") == std::string::npos);
    const auto broken = read_text("tls:\n  pkcs12_password: *hunter2\n", "easgate.yaml");
    REQUIRE(has_errors(broken.problems));
    CHECK(render(broken.problems, broken.source).find("hunter2") == std::string::npos);
}

TEST_CASE("a flood of problems is cut, and reading stays quick") {
    std::string text;
    for (int i = 0; i < 60'000; ++i) {
        text += "unknown" + std::to_string(i) + ": 1\n";
    }
    const auto read = read_text(text, "easgate.yaml");
    CHECK(read.problems.size() == kMaxProblems + 1);
    CHECK(read.problems.back().message == "there are more problems than are shown here");
}

TEST_CASE("aliases can't blow up") {
    std::string text = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        const std::string before(1, static_cast<char>(c - 1));
        text += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 9; ++i) {
            text += "*" + before + (i < 8 ? "," : "]\n");
        }
    }
    CHECK(first(text).starts_with("1:4 anchors"));
}

TEST_CASE("read_file says why a file can't be read") {
    const auto missing = read_file("/nonexistent/easgate.yaml");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().sys_errno == ENOENT);
    const auto directory = read_file("/");
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error().sys_errno == EISDIR);

    std::string path = "/tmp/easgate-read-XXXXXX";
    const int fd = mkstemp(path.data());
    REQUIRE(fd >= 0);
    close(fd);
    std::ofstream(path) << minimal();
    const auto read = read_file(path);
    REQUIRE(read.has_value());
    CHECK(read->problems.empty());
    CHECK(read->config.path == path);
    std::ofstream(path) << std::string(3 * kMaxSourceBytes, ' ');
    CHECK(has_errors(read_file(path)->problems));
    unlink(path.c_str());
}

TEST_CASE("positions lead to the values of the file") {
    const auto read = read_text(minimal(), "easgate.yaml");
    CHECK(read.positions.at("instances[0].listen").line == 5);
    CHECK(read.positions.at("instances[0].listen").column == 13);
    CHECK_FALSE(read.positions.contains("instances[0].tls"));
}
