#include "proxy/commands/check.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "proxy/base/check.h"
#include "proxy/base/ip.h"
#include "proxy/base/json.h"
#include "tests/unit/certs/maker.h"

namespace {

using eg::commands::check;

struct Printed {
    int status = 0;
    std::string text;
};

Printed run(const std::string& config, bool online = false, bool json = false) {
    char* text = nullptr;
    std::size_t length = 0;
    std::FILE* out = open_memstream(&text, &length);
    Printed printed;
    printed.status = check({.config = config, .online = online, .json = json}, out);
    std::fclose(out);
    printed.text.assign(text, length);
    std::free(text);
    return printed;
}

bool says(const Printed& printed, std::string_view part) {
    CAPTURE(printed.text);
    return printed.text.find(part) != std::string::npos;
}

/// A TCP socket on loopback that listens at a port of the kernel's choice.
class Listening {
  public:
    Listening() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage native{};
        const socklen_t length = eg::SocketAddress::parse("127.0.0.1:0")->to_native(native);
        EG_CHECK(bind(fd_, reinterpret_cast<const sockaddr*>(&native), length) == 0);
        EG_CHECK(listen(fd_, 16) == 0);
        socklen_t got = sizeof native;
        getsockname(fd_, reinterpret_cast<sockaddr*>(&native), &got);
        address_ = eg::SocketAddress::from_native(native).to_string();
    }
    ~Listening() { stop(); }
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    void stop() {
        if (fd_ >= 0) {
            close(fd_);
        }
        fd_ = -1;
    }
    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    int fd_;
    std::string address_;
};

/// A folder with everything that a configuration names, all in order.
struct Site {
    Site() {
        const Made root = make({.name = "root", .authority = true});
        write_pair("server", make({.name = "gate.example"}, &root));
        write_pair("identity", make({.name = "exchange-hq"}));
        folder.write("ca.pem", root.pem());
        folder.write("crl.pem", root.crl_pem({}, 7));
        folder.write("tickets", std::string(160, 'k'), 0600);
        std::filesystem::create_directory(folder.path("log"));
    }
    void write_pair(const std::string& name, const Made& made) const {
        folder.write(name + ".crt", made.pem());
        folder.write(name + ".key", made.key_pem(), 0600);
    }
    [[nodiscard]] std::string config(const std::string& node = "{name: n, admin: \"\"}") const {
        return folder.write("easgate.yaml",
                            "node: " + node + "\nmdm: {url: \"" + mdm +
                                "\", state_file: d.state}\n" +
                                "tls: {certificate_file: server.crt, private_key_file: server.key, "
                                "ticket_keys_file: tickets}\n"
                                "log: {directory: log}\n"
                                "instances:\n"
                                "  - name: hq\n"
                                "    listen: " +
                                listen +
                                "\n"
                                "    activesync_server: " +
                                server +
                                "\n"
                                "    ssl: false\n"
                                "    require_client_certificate: true\n"
                                "    client_ca_file: ca.pem\n"
                                "    client_crl_file: crl.pem\n"
                                "    identity_certificate_file: identity.crt\n"
                                "    identity_private_key_file: identity.key\n");
    }

    Folder folder;
    std::string mdm = "https://127.0.0.1:1";
    std::string listen = "127.0.0.1:8443";
    std::string server = "127.0.0.1:1";
};

}  // namespace

TEST_CASE("a configuration in order passes, one line a check and a summary") {
    const Site site;
    const Printed printed = run(site.config());
    CAPTURE(printed.text);
    CHECK(printed.status == 0);
    CHECK(says(printed, "ok       configuration"));
    CHECK(says(printed, "CN=gate.example expires in 365 days"));
    CHECK(says(printed, "ok       identity"));
    CHECK(says(printed, "2 keys"));
    CHECK(says(printed, "up to date for 7 days"));
    CHECK(says(printed, "0 warnings, 0 failed\n"));
}

TEST_CASE("a file that can't be read, or has errors, is 2 and shows them all") {
    const Site site;
    CHECK(run(site.folder.path("none.yaml")).status == 2);
    CHECK(says(run(site.folder.path("none.yaml")), "No such file"));
    const Printed broken = run(site.config("{nmae: x, workers: 0}"));
    CHECK(broken.status == 2);
    CHECK(says(broken, ":1:8: error: node.nmae: unknown key; did you mean 'name'?"));
    CHECK(says(broken, "  1 | node: {nmae: x, workers: 0}\n    |        ^\n"));
    CHECK(says(broken, "2 errors, 0 warnings"));
    CHECK(run(site.folder.write("torn.yaml", "node: [\n")).status == 2);
}

TEST_CASE("certificates: what ends soon warns, what is over or doesn't fit fails") {
    const Site site;
    site.write_pair("server", make({.name = "soon", .days = 29}));
    CHECK(run(site.config()).status == 0);
    CHECK(says(run(site.config()), "warning  certificate"));
    site.write_pair("server", make({.name = "over", .days = -1}));
    CHECK(run(site.config()).status == 1);
    CHECK(says(run(site.config()), "CN=over has expired"));
    site.folder.write("server.crt", make({.name = "other"}).pem());
    CHECK(says(run(site.config()), "doesn't belong"));
    site.folder.write("identity.key", "junk", 0600);
    CHECK(says(run(site.config()), "failed   identity"));
}

TEST_CASE("what else can be wrong with files and folders fails with a reason") {
    const Site site;
    const std::string config = site.config();
    site.folder.write("tickets", std::string(81, 'k'), 0600);
    CHECK(says(run(config), "has 81 bytes"));
    site.folder.write("tickets", std::string(80, 'k'), 0644);
    CHECK(says(run(config), "lets everybody in"));
    site.folder.write("tickets", "", 0600);
    CHECK(says(run(config), "has 0 bytes"));
    site.folder.write("crl.pem", "no list");
    CHECK(says(run(config), "failed   revocations"));
    std::filesystem::remove(site.folder.path("log"));
    CHECK(says(run(config), "failed   log folder"));
    site.folder.write("log", "");
    CHECK(says(run(config), "is no directory"));
    CHECK(says(run(site.config("{name: n, user: no-such-user-here}")), "failed   user"));
    CHECK(run(config).status == 1);
}

TEST_CASE("the folders are judged for the user that the node becomes") {
    if (geteuid() != 0 ||
        run(Site().config("{name: n, user: nobody}")).text.find("failed   user") !=
            std::string::npos) {
        return;  // only root can look through another user's eyes
    }
    const Site site;
    const Printed printed = run(site.config("{name: n, user: nobody}"));
    CHECK(printed.status == 1);
    CHECK(says(printed, "failed   log folder"));
    CHECK(says(printed, "nobody may not enter"));
    CHECK(says(printed, "a reload will fail"));
}

TEST_CASE("the JSON report holds the same") {
    const Site site;
    const Printed printed = run(site.config("{name: n, wrokers: 1}"), false, true);
    const eg::Json root(json_loads(printed.text.c_str(), 0, nullptr));
    REQUIRE(root != nullptr);
    CHECK(printed.status == 2);
    CHECK(json_integer_value(json_object_get(root.get(), "failed")) == 1);
    const json_t* problem = json_array_get(json_object_get(root.get(), "problems"), 0);
    CHECK(json_integer_value(json_object_get(problem, "line")) == 1);
    CHECK(std::string(json_string_value(json_object_get(problem, "key"))) == "node.wrokers");
}

TEST_CASE("online: ports are tried, servers are reached, and nothing is taken for granted") {
    Site site;
    Listening busy;
    Listening mail;
    site.listen = busy.address();
    site.server = mail.address();
    Printed printed = run(site.config(), true);
    CHECK(printed.status == 1);
    CHECK(says(printed, "failed   port           " + busy.address() + ": another program"));
    CHECK(says(printed, "ok       mail server    " + mail.address() + ": answers at 127.0.0.1"));
    CHECK(says(printed, "failed   MDM server     https://127.0.0.1:1 as hq"));
    busy.stop();
    mail.stop();
    printed = run(site.config(), true);
    CHECK(says(printed, "ok       port           " + busy.address()));
    CHECK(says(printed, "failed   mail server    " + mail.address()));
}
