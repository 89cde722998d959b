// Two workers and a change of states: no request meets an older table than the one that ended
// another.
#include "proxy/gate/worker_app.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/judging.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;

namespace {

/// Two workers of one instance. The first has a listener; the second doesn't run until it is told
/// to, as if it were busy.
class TwoWorkers {
  public:
    TwoWorkers() : log_({.directory = folder_.path(""), .node = "n", .level = log::Level::error}) {
        resolver_.set("mail.test", {"127.0.0.1"});
        settings_.name = "one";
        settings_.tls = false;
        settings_.ssl = false;
        settings_.activesync_server = {.host = "mail.test", .port = mail_server_.port()};
        port_ = door_.port();
        settings_.listen = {loopback(port_)};
        gate::DeviceFeed::Settings feed;
        feed.instance = "one";
        feed_ =
            std::make_shared<gate::DeviceFeed>(std::move(feed), log_, [](gate::StatesUpdate) {});
        // The feed never starts, so nobody else sets its clock.
        std::const_pointer_cast<gate::ContactClock>(feed_->contact())->set_expiry_ms(INT64_MAX);
        for (std::size_t i = 0; i < 2; ++i) {
            workers_.push_back(std::make_unique<gate::WorkerApp>(
                i, gate::WorkerApp::Shared{&log_, &metrics_, &resolver_, &limit_, &spool_space_}));
            auto instance = gate::Instance::make(config_, settings_, 1);
            REQUIRE(instance.has_value());
            gate::InstanceUpdate update;
            update.instance = *instance;
            update.feed = feed_;
            update.trouble = std::make_shared<gate::UpstreamTrouble>();
            update.agents = std::make_shared<gate::LearnedAgents>();
            update.traveler_devices = std::make_shared<gate::LearnedDevices>();
            if (i == 0) {
                update.new_listeners.emplace_back(loopback(port_), door_.take_fd());
            }
            workers_[i]->post_configuration({update}, false);
        }
        workers_[0]->start();
    }
    ~TwoWorkers() {
        for (auto& worker : workers_) {
            worker->stop();
        }
    }
    TwoWorkers(const TwoWorkers&) = delete;
    TwoWorkers& operator=(const TwoWorkers&) = delete;

    void publish(device::State state) {
        gate::publish_states(workers_, "one",
                             {.table = table_of({phone("PHONE1", state)}),
                              .everything = false,
                              .changed = {device::DeviceTable::hash_id("PHONE1")}});
    }
    void publish_table(std::shared_ptr<const device::DeviceTable> table) {
        gate::publish_states(workers_, "one",
                             {.table = std::move(table), .everything = true, .changed = {}});
    }
    void start_second() { workers_[1]->start(); }
    gate::WorkerApp& first() { return *workers_[0]; }
    [[nodiscard]] Peer connect() const { return Peer::connect(port_); }
    [[nodiscard]] Peer upstream() const {
        std::optional<Peer> accepted;
        REQUIRE(until([&] { return (accepted = mail_server_.accept()).has_value(); }));
        return std::move(*accepted);
    }
    static bool until(const std::function<bool()>& happened, Milliseconds patience = 20s) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!happened()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(2ms);
        }
        return true;
    }
    static bool receives(Peer& peer, std::string_view text, Milliseconds patience = 20s) {
        return until(
            [&] {
                peer.receive();
                return peer.received().find(text) != std::string::npos;
            },
            patience);
    }

  private:
    Folder folder_;
    log::Log log_;
    gate::Metrics metrics_;
    FakeResolver resolver_;
    server::ConnectionLimit limit_;
    gate::SpoolSpace spool_space_;
    config::Config config_;
    config::Instance settings_;
    Door mail_server_;
    Door door_;
    std::uint16_t port_ = 0;
    std::shared_ptr<gate::DeviceFeed> feed_;
    std::vector<std::unique_ptr<gate::WorkerApp>> workers_;
};

}  // namespace

TEST_CASE("a held request ends once every worker has the states that end it") {
    TwoWorkers node;
    node.publish(device::State::allow);
    Peer held = node.connect();
    held.send(request("Ping", kPing));
    Peer upstream = node.upstream();
    REQUIRE(TwoWorkers::receives(upstream, kPing));

    node.publish(device::State::deny);
    Peer other = node.connect();
    other.send(request("FolderSync", kFolderSync));
    REQUIRE(TwoWorkers::receives(other, "HTTP/1.1 403"));  // the first worker has them
    CHECK_FALSE(TwoWorkers::receives(held, "HTTP", 300ms));

    SUBCASE("the other worker takes them") {
        node.start_second();
        CHECK(TwoWorkers::receives(held, "HTTP/1.1 200"));
    }
    SUBCASE("the device is permitted again before that") {
        node.publish(device::State::allow);
        node.start_second();
        CHECK(TwoWorkers::receives(held, "HTTP/1.1 200"));  // what the first change said counts
        held.take_received();
        held.send(request("Ping", kPing));
        Peer again = node.upstream();
        CHECK(TwoWorkers::receives(again, kPing));
        CHECK_FALSE(TwoWorkers::receives(held, "HTTP", 300ms));
    }
}

TEST_CASE("before the node stops, held requests end one after the other") {
    TwoWorkers node;
    node.publish(device::State::allow);
    std::vector<Peer> phones;
    std::vector<Peer> upstreams;
    node.start_second();
    constexpr std::size_t kPhones = 24;
    std::vector<device::Record> records;
    for (std::size_t i = 0; i < kPhones; ++i) {
        records.push_back(phone(fmt::format("CROWD{}", i), device::State::allow));
    }
    node.publish_table(table_of(records));
    for (std::size_t i = 0; i < kPhones; ++i) {
        phones.push_back(node.connect());
        phones.back().send(request("Ping", kPing, fmt::format("CROWD{}", i)));
        upstreams.push_back(node.upstream());
        REQUIRE(TwoWorkers::receives(upstreams.back(), kPing));
    }
    node.first().post_end_held(800ms);
    const auto began = std::chrono::steady_clock::now();
    std::vector<Milliseconds> ended(kPhones, Milliseconds(0));
    CHECK(TwoWorkers::until([&] {
        std::size_t count = 0;
        for (std::size_t i = 0; i < kPhones; ++i) {
            phones[i].receive();
            const bool over = phones[i].received().starts_with("HTTP/1.1 200");
            if (over && ended[i].count() == 0) {
                ended[i] = std::chrono::duration_cast<Milliseconds>(
                    std::chrono::steady_clock::now() - began);
            }
            count += over ? 1 : 0;
        }
        return count == kPhones;
    }));
    const auto [first, last] = std::ranges::minmax(ended);
    CHECK(last >= 500ms);
    CHECK(first < last - 300ms);
    // What is asked from then on ends at once.
    phones[0].take_received();
    phones[0].send(request("Ping", kPing, "CROWD0"));
    CHECK(TwoWorkers::receives(phones[0], "HTTP/1.1 200"));
}
