// A published service from its settings: what can't be loaded, and whose certificates it takes.

#include "proxy/gate/instance.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/certs/maker.h"

using namespace eg;

namespace {

struct Bench {
    Folder folder;
    Made authority = make({.name = "Authority", .authority = true});
    Made server = make({.name = "mail.example.com"}, &authority);
    config::Config config;
    config::Instance instance;

    Bench() {
        config.tls.certificate_file = folder.write("server.pem", server.pem());
        config.tls.private_key_file = folder.write("server.key", server.key_pem(), 0600);
        instance.name = "one";
        instance.ssl = false;
        instance.activesync_server = {.host = "mail.corp.example", .port = 8080};
        instance.require_client_certificate = true;
        instance.client_ca_file = folder.write("ca.pem", authority.pem());
    }
    std::shared_ptr<const gate::Instance> load() {
        auto made = gate::Instance::make(config, instance, 1);
        INFO(error());
        REQUIRE(made.has_value());
        return *made;
    }
    std::string error() {
        const auto made = gate::Instance::make(config, instance, 1);
        return made ? std::string() : made.error();
    }
};

}  // namespace

TEST_CASE("client certificates: of the chosen authority, valid, not revoked") {
    Bench bench;
    const Made other = make({.name = "Other", .authority = true});
    const Made good = make({.name = "phone", .serial = 5}, &bench.authority);
    const Made foreign = make({.name = "phone", .serial = 5}, &other);
    const Made over = make({.name = "phone", .days = -1, .serial = 6}, &bench.authority);
    const Made revoked = make({.name = "phone", .serial = 7}, &bench.authority);
    const auto before = bench.load();
    CHECK(before->accepts_certificate(good.certificate.get(), nullptr));
    CHECK(before->accepts_certificate(revoked.certificate.get(), nullptr));
    CHECK_FALSE(before->accepts_certificate(foreign.certificate.get(), nullptr));
    CHECK_FALSE(before->accepts_certificate(over.certificate.get(), nullptr));
    CHECK_FALSE(before->accepts_certificate(nullptr, nullptr));

    bench.instance.client_crl_file =
        bench.folder.write("crl.pem", bench.authority.crl_pem({7}, 30));
    const auto after = bench.load();
    CHECK(after->accepts_certificate(good.certificate.get(), nullptr));
    CHECK_FALSE(after->accepts_certificate(revoked.certificate.get(), nullptr));

    // A list that is out of date says nothing any more: nobody gets in.
    bench.instance.client_crl_file =
        bench.folder.write("old.pem", bench.authority.crl_pem({7}, -1));
    const auto outdated = gate::Instance::make(bench.config, bench.instance, 1);
    CHECK((!outdated || !(*outdated)->accepts_certificate(good.certificate.get(), nullptr)));
}

TEST_CASE("an instance that asks for no certificate accepts none") {
    Bench bench;
    bench.instance.require_client_certificate = false;
    const Made phone = make({.name = "phone"}, &bench.authority);
    CHECK_FALSE(bench.load()->accepts_certificate(phone.certificate.get(), nullptr));
}

TEST_CASE("what can't be loaded is named") {
    Bench bench;
    CHECK(bench.error() == "");
    SUBCASE("ticket keys of the wrong length") {
        bench.config.tls.ticket_keys_file =
            bench.folder.write("tickets", std::string(79, 'x'), 0600);
        CHECK(bench.error().find("tickets: ticket keys are n x 80") != std::string::npos);
    }
    SUBCASE("ticket keys that everybody may read") {
        bench.config.tls.ticket_keys_file = bench.folder.write("tickets", std::string(160, 'x'));
        CHECK(bench.error().find("tickets: holds a secret, but its mode 0644") !=
              std::string::npos);
    }
    SUBCASE("no ticket keys at all") {
        bench.config.tls.ticket_keys_file = bench.folder.path("nowhere");
        CHECK(bench.error().find("nowhere") != std::string::npos);
    }
    SUBCASE("a key that isn't the certificate's") {
        bench.config.tls.private_key_file =
            bench.folder.write("other.key", bench.authority.key_pem(), 0600);
        CHECK(bench.error() != "");
    }
    SUBCASE("no authorities for clients") {
        bench.instance.client_ca_file = bench.folder.path("nowhere.pem");
        CHECK(bench.error().find("nowhere.pem") != std::string::npos);
    }
    SUBCASE("no authorities for the mail server") {
        bench.instance.ssl = true;
        bench.instance.backend_ca_file = bench.folder.path("nowhere.pem");
        CHECK(bench.error().find("nowhere.pem") != std::string::npos);
    }
}

TEST_CASE("the mail server is addressed as it is configured") {
    Bench bench;
    CHECK(bench.load()->upstream_host() == "mail.corp.example:8080");
    bench.instance.activesync_server.port = 80;
    CHECK(bench.load()->upstream_host() == "mail.corp.example");
    bench.instance.activesync_server = {.host = "::1", .port = 8080};
    CHECK(bench.load()->upstream_host() == "[::1]:8080");
    CHECK(bench.load()->upstream_tls().value() == nullptr);
}
