#include "proxy/gate/node_status.h"

#include <doctest/doctest.h>

#include "proxy/base/json.h"

using namespace eg;
using namespace std::chrono_literals;

namespace {

gate::NodeStatus status() {
    gate::NodeStatus status;
    status.name = "node-1";
    status.version = "0.1.0";
    status.pid = 4711;
    status.uptime = 76h;
    status.ready = true;
    status.config_path = "/etc/easgate/easgate.yaml";
    status.workers = 2;
    gate::InstanceStatus instance;
    instance.name = "mail";
    instance.ready = true;
    instance.listen = {"0.0.0.0:443", "[::]:443"};
    instance.upstream = "mail.corp.example:443";
    instance.feed.has_states = true;
    instance.feed.age = 14'500ms;
    instance.feed.server = "https://mdm.example.com:8443";
    instance.states_expire_in = 24h - 14s;
    instance.devices = {.allow = 10, .deny = 2, .non_compliant = 1, .wipe = 0};
    instance.client_connections = 1;
    instance.upstream_connections = 4;
    instance.held = 3;
    status.instances = {instance};
    return status;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the text shows what people ask first") {
    const std::string text = gate::render_text(status());
    CHECK(text.starts_with("node-1: ready\n"));
    CHECK(contains(text, "0.1.0, process 4711, up 3d 4h, 2 workers\n"));
    CHECK(contains(text, "\nmail: ready\n"));
    CHECK(contains(text, "  listens on     0.0.0.0:443, [::]:443\n"));
    CHECK(contains(text, "  connections    1 client, 4 to the mail server, 3 held\n"));
    CHECK(contains(text, "  device states  14s old, good for another 23h 59m\n"));
    CHECK(contains(text, "10 allowed, 2 denied, 1 non-compliant, 0 to wipe\n"));
    CHECK_FALSE(contains(text, "error"));
    CHECK_FALSE(contains(text, "certificates"));
}

TEST_CASE("the text says what is wrong") {
    gate::NodeStatus bad = status();
    bad.ready = false;
    bad.reason = "mail: the device states are too old";
    bad.last_reload_error = "easgate.yaml:3:1: unknown key\x1b[31m";
    bad.instances[0].states_expire_in = -5s;
    bad.instances[0].feed.last_error = "HTTP 500";
    bad.instances[0].last_upstream_error = "upstream: connection refused";
    bad.instances[0].identity_days_left = -1;
    std::string text = gate::render_text(bad);
    CHECK(text.starts_with("node-1: NOT READY, mail: the device states are too old\n"));
    CHECK(contains(text, "    last reload  FAILED: easgate.yaml:3:1: unknown key\\x1B[31m\n"));
    CHECK(contains(text, "14s old, too old: mail is blocked until the MDM server answers\n"));
    CHECK(contains(text, "last error   HTTP 500\n"));
    CHECK(contains(text, "last error   upstream: connection refused\n"));
    CHECK(contains(text, "identity ENDED 1 day ago\n"));
    bad.instances[0].feed.has_states = false;
    CHECK(contains(gate::render_text(bad), "none yet, mail is blocked\n"));
    bad.draining = true;
    CHECK(gate::render_text(bad).starts_with("node-1: DRAINING"));
}

TEST_CASE("the JSON is one object with everything in it") {
    gate::NodeStatus some = status();
    some.last_reload_error = "bytes \xff that are no UTF-8";
    const std::string text = gate::render_json(some);
    CHECK(text.ends_with("}\n"));
    const eg::Json json(json_loads(text.c_str(), 0, nullptr));
    REQUIRE(json_is_object(json.get()));
    const json_t* instance = json_array_get(json_object_get(json.get(), "instances"), 0);
    CHECK(json_is_true(json_object_get(json.get(), "ready")));
    CHECK(json_real_value(json_object_get(json.get(), "uptime_s")) == 273'600);
    CHECK(std::string(json_string_value(json_object_get(json.get(), "last_reload_error"))) ==
          "bytes \\xFF that are no UTF-8");
    CHECK(std::string(json_string_value(json_object_get(instance, "name"))) == "mail");
    CHECK(json_real_value(json_object_get(instance, "states_age_s")) == 14.5);
    CHECK(json_integer_value(json_object_get(json_object_get(instance, "devices"), "allow")) == 10);
    CHECK(json_is_null(json_object_get(instance, "certificate_days_left")));
    some.instances[0].feed.has_states = false;
    CHECK(contains(gate::render_json(some), "\"states_age_s\": null"));
}
