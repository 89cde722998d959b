#include "proxy/gate/admin.h"

#include <algorithm>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "proxy/base/json.h"
#include "proxy/gate/cut_offs.h"

using namespace eg;

namespace {

class FakeNode final : public gate::NodeView {
  public:
    FakeNode() {
        status_.name = "node-1";
        status_.ready = true;
        gate::InstanceStatus mail;
        mail.name = "mail";
        mail.ready = true;
        gate::InstanceStatus lab;
        lab.name = "lab";
        status_.instances = {mail, lab};
    }
    [[nodiscard]] gate::NodeStatus status() const override { return status_; }
    [[nodiscard]] const gate::Metrics& metrics() const override { return metrics_; }
    [[nodiscard]] const log::Counts& log_counts() const override { return counts_; }
    [[nodiscard]] std::shared_ptr<const device::DeviceTable> table(
        std::string_view instance) const override {
        return instance == "mail" ? table_ : nullptr;
    }
    [[nodiscard]] std::vector<gate::InstanceShield> shields() const override {
        return {{"mail", shield_}, {"lab", nullptr}};
    }
    [[nodiscard]] std::vector<gate::InstanceBindings> bindings() const override {
        return {{"mail", nullptr}, {"lab", nullptr}};
    }
    void list(int devices) {
        device::DeviceTable::Builder builder;
        for (int i = 0; i < devices; ++i) {
            builder.add(device::Record{.id = "PHONE" + std::to_string(i),
                                       .users = {"alice", "CORP\\\"a"},
                                       .state = device::State::non_compliant,
                                       .reason = "no PIN",
                                       .keys = {}});
        }
        table_ = std::move(builder).build();
    }

    gate::NodeStatus status_;
    std::shared_ptr<gate::LockoutShield> shield_ =
        std::make_shared<gate::LockoutShield>(std::chrono::hours(1));

  private:
    gate::Metrics metrics_;
    log::Counts counts_;
    std::shared_ptr<const device::DeviceTable> table_;
};

server::SimpleResponse ask(const FakeNode& node, gate::AdminFace face, std::string_view target,
                           http::Method method = http::Method::get) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    head.path = target.substr(0, target.find('?'));
    if (head.path.size() < target.size()) {
        head.has_query = true;
        head.query = target.substr(head.path.size() + 1);
    }
    return gate::AdminHandler(node, face).answer(head);
}

server::SimpleResponse ask(const FakeNode& node, std::string_view target) {
    return ask(node, gate::AdminFace::control_socket, target);
}

std::string whole_body(server::SimpleResponse response) {
    if (response.source == nullptr) {
        return response.body;
    }
    std::string body;
    bool failed = false;
    while (response.source->read(body, failed)) {
    }
    CHECK_FALSE(failed);
    return body;
}

eg::Json parse(const std::string& text) {
    return eg::Json(json_loads(text.c_str(), 0, nullptr));
}

}  // namespace

TEST_CASE("health and readiness") {
    FakeNode node;
    CHECK(ask(node, "/healthz").status == 200);
    CHECK(ask(node, "/readyz").status == 200);
    node.status_.ready = false;
    node.status_.reason = "lab: no device states yet";
    CHECK(ask(node, "/healthz").status == 200);
    CHECK(ask(node, "/readyz").status == 503);
    CHECK(ask(node, "/readyz").body == "lab: no device states yet\n");
    CHECK(ask(node, "/readyz?instance=mail").status == 200);
    CHECK(ask(node, "/readyz?instance=lab").status == 503);
    CHECK(ask(node, "/readyz?instance=l%61b").status == 503);
    CHECK(ask(node, "/readyz?instance=gone").status == 404);
    CHECK(ask(node, "/readyz?instnce=mail").status == 400);
    CHECK(ask(node, "/readyz?instance=mail&instance=lab").status == 400);
    node.status_.draining = true;
    CHECK(ask(node, "/readyz?instance=mail").status == 503);
}

TEST_CASE("only GET and HEAD, only what there is") {
    const FakeNode node;
    for (const auto face : {gate::AdminFace::admin_port, gate::AdminFace::control_socket}) {
        CHECK(ask(node, face, "/healthz", http::Method::head).status == 200);
        const auto refused = ask(node, face, "/status", http::Method::post);
        CHECK(refused.status == 405);
        CHECK(refused.fields.back() == std::pair<std::string, std::string>("Allow", "GET, HEAD"));
        for (const std::string_view path : {"/", "/Healthz", "/healthz/", "/status/x", "*"}) {
            CHECK(ask(node, face, path).status == 404);
        }
    }
}

TEST_CASE("the admin port knows nothing of devices") {
    FakeNode node;
    node.list(2);
    CHECK(ask(node, gate::AdminFace::admin_port, "/devices").status == 404);
    CHECK(ask(node, gate::AdminFace::admin_port, "/devices", http::Method::post).status == 404);
    for (const std::string_view page : {"/status", "/metrics", "/status?format=text"}) {
        const auto answer = ask(node, gate::AdminFace::admin_port, page);
        CHECK(answer.status == 200);
        CHECK(answer.body.find("PHONE") == std::string::npos);
        CHECK(answer.body.find("alice") == std::string::npos);
    }
}

TEST_CASE("lock-out entries are listed and lifted at the control socket only") {
    const FakeNode node;
    const std::int64_t now_ms = std::chrono::duration_cast<Milliseconds>(
                                    std::chrono::steady_clock::now().time_since_epoch())
                                    .count();
    const std::uint64_t device = device::DeviceTable::hash_id("PHONE1");
    const auto add = [&](std::string_view user, std::string_view credential) {
        node.shield_->add(node.shield_->mark(credential, device, 1),
                          {.device = device, .device_id = "PHONE1", .user = user}, "", now_ms);
    };
    const auto remove = [&](std::string_view target) {
        return ask(node, gate::AdminFace::control_socket, target, http::Method::remove);
    };
    add("CORP\\alice", "one");
    add("bob \"x\"", "two");
    CHECK(ask(node, gate::AdminFace::admin_port, "/lockouts").status == 404);
    CHECK(ask(node, gate::AdminFace::admin_port, "/lockouts", http::Method::remove).status == 404);
    CHECK(ask(node, gate::AdminFace::control_socket, "/lockouts", http::Method::post).status ==
          405);
    CHECK(remove("/devices").status == 405);
    CHECK(remove("/lockouts?instance=gone").status == 404);
    CHECK(remove("/lockouts?user=alice").status == 400);
    const eg::Json listed = parse(ask(node, "/lockouts").body);
    REQUIRE(json_array_size(listed.get()) == 2);
    const json_t* first = json_array_get(listed.get(), 0);
    CHECK(std::string(json_string_value(json_object_get(first, "user"))) == "CORP\\alice");
    CHECK(std::string(json_string_value(json_object_get(first, "device"))) == "PHONE1");
    CHECK(std::string(json_string_value(json_object_get(first, "instance"))) == "mail");
    CHECK(json_integer_value(json_object_get(first, "expires_in_s")) > 3'500);
    CHECK(remove("/lockouts?instance=lab&name=alice").body == "[]\n");
    CHECK(json_array_size(parse(remove("/lockouts?name=alice").body).get()) == 1);
    CHECK(json_array_size(parse(remove("/lockouts").body).get()) == 1);
    CHECK(ask(node, "/lockouts").body == "[]\n");
}

TEST_CASE("status is JSON unless text is asked for") {
    const FakeNode node;
    CHECK(json_is_object(parse(ask(node, "/status").body).get()));
    CHECK(ask(node, "/status?format=text").body.starts_with("node-1: ready\n"));
    CHECK(ask(node, "/status?format=xml").status == 400);
}

TEST_CASE("one device") {
    FakeNode node;
    node.list(3);
    const eg::Json found = parse(whole_body(ask(node, "/devices?id=phone1")));
    REQUIRE(json_array_size(found.get()) == 1);
    const json_t* device = json_array_get(found.get(), 0);
    CHECK(std::string(json_string_value(json_object_get(device, "id"))) == "PHONE1");
    CHECK(std::string(json_string_value(json_object_get(device, "instance"))) == "mail");
    CHECK(std::string(json_string_value(json_object_get(device, "state"))) == "non_compliant");
    CHECK(std::string(json_string_value(json_object_get(device, "reason"))) == "no PIN");
    CHECK(std::string(json_string_value(json_array_get(json_object_get(device, "users"), 1))) ==
          "CORP\\\"a");
    CHECK(whole_body(ask(node, "/devices?id=PHONE9")) == "[]\n");
    CHECK(whole_body(ask(node, "/devices?id=PHONE1&instance=lab")) == "[]\n");
    CHECK(ask(node, "/devices?instance=gone").status == 404);
    CHECK(ask(node, "/devices?id=%zz").status == 400);
}

TEST_CASE("all devices come in pieces, one a line, as one JSON array") {
    FakeNode node;
    CHECK(whole_body(ask(node, "/devices")) == "[]\n");
    node.list(0);
    CHECK(whole_body(ask(node, "/devices")) == "[]\n");
    node.list(5000);
    auto response = ask(node, "/devices");
    std::string piece;
    bool failed = false;
    CHECK(response.source->read(piece, failed));
    CHECK(piece.size() < std::size_t{70} * 1024);
    const std::string text = whole_body(ask(node, "/devices"));
    CHECK(std::ranges::count(text, '\n') == 5002);
    CHECK(json_array_size(parse(text).get()) == 5000);
}

TEST_CASE("a list that is being sent keeps its table") {
    FakeNode node;
    node.list(2000);
    auto response = ask(node, "/devices");
    std::string text;
    bool failed = false;
    CHECK(response.source->read(text, failed));
    node.list(1);
    while (response.source->read(text, failed)) {
    }
    CHECK(json_array_size(parse(text).get()) == 2000);
}

TEST_CASE("whom enforcing would cut off is told at the control socket only") {
    FakeNode node;
    CHECK(ask(node, gate::AdminFace::control_socket, "/preview").body.empty());
    const auto cut_offs = std::make_shared<gate::CutOffs>();
    cut_offs->note({.user = "alice",
                    .device_id = "A",
                    .user_agent = "x",
                    .reason = "device_unknown",
                    .at = WallTime(std::chrono::seconds(1'000'000))});
    node.status_.instances[0].cut_offs = cut_offs;
    CHECK(ask(node, gate::AdminFace::admin_port, "/preview").status == 404);
    CHECK(ask(node, gate::AdminFace::control_socket, "/preview?x=1").status == 400);
    const auto answer = ask(node, gate::AdminFace::control_socket, "/preview");
    CHECK(answer.status == 200);
    CHECK(answer.body == cut_offs->json_lines("mail"));
}
