#include "tests/wire/gate_rig.h"

#include <chrono>

#include <fmt/format.h>

#include "proxy/base/check.h"
#include "tests/support/judging.h"

namespace eg::test {

std::string request(std::string_view command, std::string_view body, std::string_view device,
                    std::string_view fields) {
    return fmt::format(
        "POST /Microsoft-Server-ActiveSync?Cmd={}&DeviceId={}&DeviceType=Phone&User=alice "
        "HTTP/1.1\r\nHost: mail.example.com\r\nMS-ASProtocolVersion: 14.1\r\n"
        "Content-Length: {}\r\n{}\r\n{}",
        command, device, body.size(), fields, body);
}

std::string answer(unsigned status, std::string_view body, std::string_view fields) {
    return fmt::format("HTTP/1.1 {} Some\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                       fields, body);
}

device::Record phone(std::string id, device::State state) {
    device::Record record;
    record.id = std::move(id);
    record.state = state;
    return record;
}

GateRig::GateRig(const std::function<void(config::Config&)>& change)
    : log_({.directory = folder_.path(""), .node = "rig", .level = log::Level::error}),
      worker_(limit_, clock_.reader()),
      names_(resolver_, worker_.loop()) {
    resolver_.set("mail.test", {"127.0.0.1"});
    config::Instance instance;
    instance.name = "one";
    instance.tls = false;
    instance.ssl = false;
    instance.activesync_server = {.host = "mail.test", .port = mail_server_.port()};
    config_.instances.push_back(instance);
    if (change) {
        change(config_);
    }
    context_.loop = &worker_.loop();
    context_.buffers = &worker_.buffers();
    context_.names = &names_;
    context_.log = &log_;
    context_.access = &sink_;
    context_.spool_space = &spool_space_;
    context_.request_prefix = 0xABCD;
    slot_.name = "one";
    slot_.metrics = &metrics_.of(0, "one");
    slot_.trouble = std::make_shared<gate::UpstreamTrouble>();
    slot_.traveler_devices = std::make_shared<gate::LearnedDevices>();
    slot_.agents = std::make_shared<gate::LearnedAgents>();
    auto contact = std::make_shared<gate::ContactClock>();
    contact->set_expiry_ms(INT64_MAX);
    slot_.contact = contact;
    slot_.table =
        table_of({phone("PHONE1", device::State::allow), phone("PHONE2", device::State::allow)});
    service_ = make_service();
    Door door;
    port_ = door.port();
    address_ = loopback(port_);
    worker_.listen(door.take_fd(), address_, service_);
    worker_.on_turn_end([this] {
        service_->end_turn();
        for (auto& weak : retired_) {
            if (const auto old = weak.lock()) {
                old->end_turn();
            }
        }
    });
}

GateRig::~GateRig() {
    worker_.close_all();
    service_.reset();
    sink_.flush();
}

std::shared_ptr<gate::ProxyService> GateRig::make_service() {
    auto instance = gate::Instance::make(config_, config_.instances.front(), generation_++);
    EG_CHECK(instance.has_value());
    auto tls = (*instance)->upstream_tls();
    EG_CHECK(tls.has_value());
    return std::make_shared<gate::ProxyService>(*instance, slot_, context_, std::move(*tls));
}

void GateRig::reload() {
    auto fresh = make_service();
    worker_.assign({{address_, fresh}});
    service_->retire(fresh);
    service_->pool().clear();
    retired_.emplace_back(service_);
    service_ = std::move(fresh);
}

void GateRig::turn(int times) {
    for (int i = 0; i < times; ++i) {
        worker_.turn(false);
    }
}

void GateRig::pass(Milliseconds time) {
    clock_.pass(time);
    turn(2);
}

bool GateRig::until(const std::function<bool()>& happened) {
    constexpr int kPatience = 200;  // the last of them wait for a tick of 50 ms each
    for (int i = 0; i < kPatience; ++i) {
        if (happened()) {
            return true;
        }
        worker_.turn(i > 10);
    }
    return happened();
}

Peer GateRig::upstream() {
    std::optional<Peer> accepted;
    EG_CHECK(until([&] {
        accepted = mail_server_.accept();
        return accepted.has_value();
    }));
    return std::move(*accepted);
}

bool GateRig::receives(Peer& peer, std::string_view text) {
    return until([&] {
        peer.receive();
        return peer.received().find(text) != std::string::npos;
    });
}

bool GateRig::sees_end(Peer& peer) {
    return until([&] {
        peer.receive();
        return peer.ended() || peer.broken();
    });
}

void GateRig::set_devices(const std::vector<device::Record>& records) {
    slot_.table = table_of(records);
    slot_.settled = slot_.table;
    ++slot_.states_version;
    ++slot_.settled_version;
}

std::uint64_t GateRig::ended(filters::Reason reason) const {
    const auto i = static_cast<std::size_t>(reason);
    return slot_.metrics->allowed_requests.at(i).value() +
           slot_.metrics->refused_requests.at(i).value();
}

std::uint64_t GateRig::access_lines() const {
    std::uint64_t lines = 0;
    for (std::size_t i = 0; i < gate::kReasons; ++i) {
        lines += ended(static_cast<filters::Reason>(i));
    }
    return lines;
}

std::string GateRig::leaks() const {
    std::string text;
    const auto& counters = *slot_.metrics;
    const auto note = [&](std::string_view what, auto count) {
        if (count != 0) {
            text += fmt::format("{} {}; ", count, what);
        }
    };
    note("client connections counted", counters.client_connections.value());
    note(
        "upstream connections counted beyond the idle ones",
        counters.upstream_connections.value() - static_cast<std::int64_t>(service_->pool().idle()));
    note("held counted", counters.held.value());
    note("held listed", slot_.held.size());
    note("connections alive", worker_.connections());
    note("connections against the limit", limit_.open.load());
    note("upstream connections neither idle nor closed",
         service_->pool().open() - service_->pool().idle());
    note("requests without an access line", context_.requests - access_lines());
    return text;
}

}  // namespace eg::test
