#include "proxy/gate/device_feed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/feed_clock.h"

namespace eg::gate {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// An MDM server on loopback that answers as it was told, and holds a poll while it was told
/// nothing. A thread a connection: blocking is the simplest fake.
class FakeMdm {
  public:
    FakeMdm() {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(listen(listener_, 8) == 0);
        socklen_t length = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~FakeMdm() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        for (std::thread& thread : threads_) {
            thread.join();
        }
        close(listener_);
    }
    FakeMdm(const FakeMdm&) = delete;
    FakeMdm& operator=(const FakeMdm&) = delete;

    [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

    /// Instead of a status: the start of an answer, and then the connection ends.
    static constexpr int kTorn = 0;

    /// The answer to the next poll, as status and body.
    void answer(int status, std::string body = "") {
        const std::lock_guard lock(mutex_);
        answers_.push_back({status, std::move(body)});
        changed_.notify_all();
    }
    void set_report_status(int status) {
        const std::lock_guard lock(mutex_);
        report_status_ = status;
    }
    /// Waits until so many polls have come; returns their targets.
    std::vector<std::string> polls(std::size_t count) { return wait_for(polls_, count); }
    std::vector<std::string> reports(std::size_t count) { return wait_for(reports_, count); }

  private:
    struct Answer {
        int status;
        std::string body;
    };

    std::vector<std::string> wait_for(const std::vector<std::string>& what, std::size_t count) {
        std::unique_lock lock(mutex_);
        CHECK(changed_.wait_for(lock, 20s, [&] { return what.size() >= count; }));
        return what;
    }

    void accept_all() {
        for (;;) {
            const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) {
                return;
            }
            threads_.emplace_back([this, client] {
                serve(client);
                close(client);
            });
        }
    }

    /// Reads until `needed` says that it has enough; false if the client left or the test ends.
    template <typename Needed>
    bool read_until(int client, std::string& buffer, Needed&& needed) {
        while (!needed()) {
            pollfd waiting{client, POLLIN, 0};
            const int ready = ::poll(&waiting, 1, 50);
            {
                const std::lock_guard lock(mutex_);
                if (ending_) {
                    return false;
                }
            }
            if (ready <= 0) {
                continue;
            }
            std::array<char, 4096> bytes{};
            const ssize_t count = read(client, bytes.data(), bytes.size());
            if (count <= 0) {
                return false;
            }
            buffer.append(bytes.data(), static_cast<std::size_t>(count));
        }
        return true;
    }

    void serve(int client) {
        std::string buffer;
        for (;;) {
            const auto has_head = [&] { return buffer.find("\r\n\r\n") != std::string::npos; };
            if (!read_until(client, buffer, has_head)) {
                return;
            }
            const std::string head = buffer.substr(0, buffer.find("\r\n\r\n") + 4);
            const std::string target =
                head.substr(head.find(' ') + 1, head.find(" HTTP") - head.find(' ') - 1);
            if (head.starts_with("POST")) {
                const std::size_t at = head.find("Content-Length: ");
                const std::size_t size = head.size() + std::stoul(head.substr(at + 16));
                if (!read_until(client, buffer, [&] { return buffer.size() >= size; })) {
                    return;
                }
                take_report(client, buffer.substr(head.size()));
            } else if (!take_poll(client, target)) {
                return;
            }
            buffer.clear();
        }
    }

    void take_report(int client, const std::string& body) {
        const std::lock_guard lock(mutex_);
        reports_.push_back(body);
        changed_.notify_all();
        respond(client, {report_status_, ""});
    }

    bool take_poll(int client, const std::string& target) {
        std::unique_lock lock(mutex_);
        polls_.push_back(target);
        changed_.notify_all();
        while (!ending_ && answers_.empty()) {
            changed_.wait_for(lock, 10ms);
            char byte = 0;
            if (recv(client, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
                return false;  // the client left: the answer is for the next one
            }
        }
        if (ending_) {
            return false;
        }
        const Answer answer = std::move(answers_.front());
        answers_.pop_front();
        respond(client, answer);
        return answer.status != kTorn;
    }

    static void respond(int client, const Answer& answer) {
        if (answer.status == kTorn) {
            constexpr std::string_view kStart = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{";
            (void)send(client, kStart.data(), kStart.size(), MSG_NOSIGNAL);
            return;
        }
        const std::string length =
            answer.status == 204 ? "" : fmt::format("Content-Length: {}\r\n", answer.body.size());
        const std::string text =
            fmt::format("HTTP/1.1 {} X\r\n{}\r\n{}", answer.status, length, answer.body);
        (void)send(client, text.data(), text.size(), MSG_NOSIGNAL);
    }

    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread acceptor_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Answer> answers_;
    std::vector<std::string> polls_;
    std::vector<std::string> reports_;
    int report_status_ = 202;
    bool ending_ = false;
};

std::string device(std::string_view id, std::string_view state) {
    return fmt::format(R"({{"id":"{}","users":[],"state":"{}"}})"
                       "\n",
                       id, state);
}

std::string document(std::string_view cursor, bool full, std::initializer_list<std::string> lines) {
    std::string text = fmt::format(R"({{"cursor":"{}","full":{},"count":{}}})"
                                   "\n",
                                   cursor, full, lines.size());
    for (const std::string& line : lines) {
        text += line;
    }
    return text;
}

/// A feed with a folder of its own and everything that it published.
class Gate {
  public:
    explicit Gate(std::vector<std::string> urls) {
        std::string name = (fs::temp_directory_path() / "easgate-feed-XXXXXX").string();
        folder_ = mkdtemp(name.data());
        settings_.instance = "hq";
        settings_.node = "node-1";
        settings_.mdm.urls = std::move(urls);
        settings_.mdm.state_file = folder_ / "devices.state";
        tuning_.plain_http = true;
        tuning_.back_off_first = 50ms;
        tuning_.back_off_most = 100ms;
        tuning_.report_interval = 300ms;
        tuning_.report_gather = 20ms;
        tuning_.clock = [this] {
            device::Moment moment = read_clocks();
            moment.boottime_ms += boot_offset_ms.load();
            moment.wall_ms += wall_offset_ms.load();
            return moment;
        };
    }
    ~Gate() {
        feed_.reset();
        fs::remove_all(folder_);
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// A new process, so to say.
    DeviceFeed& restart() {
        feed_.reset();
        forget_updates();
        feed_ = std::make_unique<DeviceFeed>(
            settings_, log_,
            [this](StatesUpdate update) {
                const std::lock_guard lock(mutex_);
                updates_.push_back(std::move(update));
                published_.notify_all();
            },
            tuning_);
        feed_->load();
        return *feed_;
    }
    void forget_updates() {
        const std::lock_guard lock(mutex_);
        updates_.clear();
    }
    DeviceFeed& start() {
        restart().start();
        return *feed_;
    }
    [[nodiscard]] DeviceFeed& feed() { return *feed_; }
    [[nodiscard]] DeviceFeed::Settings& settings() { return settings_; }
    [[nodiscard]] fs::path state_file() const { return folder_ / "devices.state.hq"; }

    /// The update number `count`, once it is there.
    StatesUpdate update(std::size_t count) {
        std::unique_lock lock(mutex_);
        REQUIRE(published_.wait_for(lock, 20s, [&] { return updates_.size() >= count; }));
        return updates_[count - 1];
    }
    std::string state_of(std::string_view id) {
        const auto table = feed_->table();
        const auto record = table ? table->find(id) : std::nullopt;
        return record ? std::string(to_string(record->state())) : "-";
    }
    [[nodiscard]] bool fresh() const {
        const auto now = std::chrono::duration_cast<Milliseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
        return now.count() < feed_->contact()->expires_at_ms();
    }

    std::atomic<std::int64_t> boot_offset_ms{0};
    std::atomic<std::int64_t> wall_offset_ms{0};

  private:
    fs::path folder_;
    log::Log log_{log::Settings{.directory = "",
                                .file_name = "",
                                .node = "test",
                                .level = log::Level::error,
                                .format = log::Format::text}};
    DeviceFeed::Settings settings_;
    DeviceFeed::Tuning tuning_;
    std::mutex mutex_;
    std::condition_variable published_;
    std::vector<StatesUpdate> updates_;
    std::unique_ptr<DeviceFeed> feed_;
};

/// Waits until `what` holds.
template <typename What>
bool eventually(What&& what) {
    for (int i = 0; i < 2000; ++i) {
        if (what()) {
            return true;
        }
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

}  // namespace

TEST_CASE("everything, then changes, then nothing new") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c 1", true, {device("A", "allow"), device("B", "allow")}));
    DeviceFeed& feed = gate.start();
    const StatesUpdate first = gate.update(1);
    CHECK(first.everything);
    CHECK(gate.state_of("a") == "allow");
    mdm.answer(200, document("c2", false, {device("B", "deny")}));
    const StatesUpdate second = gate.update(2);
    CHECK_FALSE(second.everything);
    CHECK(second.changed == std::vector<std::uint64_t>{device::DeviceTable::hash_id("b")});
    CHECK(gate.state_of("B") == "deny");
    mdm.answer(204);
    const auto polls = mdm.polls(4);
    CHECK(polls[0] == "/api/gateway/v1/devices?wait=0");
    CHECK(polls[1] == "/api/gateway/v1/devices?since=c%201&wait=55");
    CHECK(polls[2] == "/api/gateway/v1/devices?since=c2&wait=55");
    CHECK(gate.fresh());
    const FeedStatus status = feed.status();
    CHECK(status.has_states);
    CHECK(status.attempts_ok == 3);
    CHECK(status.attempts_failed == 0);
    CHECK(status.full_syncs == 1);
    CHECK(status.devices == 2);
    CHECK(status.server == mdm.url());
    CHECK(status.age < 10s);
}

TEST_CASE("a cursor that is too old: everything again, and the old states until then") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    mdm.answer(410);
    const auto polls = mdm.polls(3);
    CHECK(polls[2] == "/api/gateway/v1/devices?wait=0");
    CHECK(gate.state_of("A") == "allow");
    mdm.answer(200, document("c9", true, {device("B", "allow")}));
    (void)gate.update(2);
    CHECK(gate.state_of("A") == "-");
    CHECK(gate.state_of("B") == "allow");
    CHECK(mdm.polls(4)[3] == "/api/gateway/v1/devices?since=c9&wait=55");
}

TEST_CASE("an answer that isn't whole is no contact and changes nothing") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)gate.update(1);
    REQUIRE(eventually([&] { return feed.status().attempts_ok == 1; }));
    std::string short_one = document("c2", false, {device("A", "deny"), device("B", "deny")});
    short_one.resize(short_one.find("{\"id\":\"B"));
    mdm.answer(200, short_one);
    mdm.answer(200, "nonsense");
    mdm.answer(500, "no");
    mdm.answer(401);
    mdm.answer(302);
    mdm.answer(FakeMdm::kTorn);
    CHECK(eventually([&] { return feed.status().attempts_failed == 6; }));
    CHECK(gate.state_of("A") == "allow");
    CHECK(feed.status().attempts_ok == 1);
    CHECK_FALSE(feed.status().last_error.empty());
    mdm.answer(204);
    CHECK(eventually([&] { return feed.status().last_error.empty(); }));
}

TEST_CASE("changes where everything was asked for are refused") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", false, {device("A", "allow")}));
    mdm.answer(204);
    DeviceFeed& feed = gate.start();
    CHECK(eventually([&] { return feed.status().attempts_failed == 2; }));
    CHECK(feed.table() == nullptr);
    CHECK(feed.contact()->expires_at_ms() == 0);
}

TEST_CASE("URLs are tried in turn") {
    FakeMdm mdm;
    Gate gate({"http://127.0.0.1:1", mdm.url()});
    mdm.answer(200, document("c1", true, {}));
    DeviceFeed& feed = gate.start();
    (void)gate.update(1);
    CHECK(eventually([&] { return feed.status().server == mdm.url(); }));
    CHECK(feed.status().attempts_failed == 1);
}

TEST_CASE("stop ends a long poll at once, a reload too") {
    FakeMdm mdm;
    FakeMdm other;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)mdm.polls(2);
    gate.settings().mdm.urls = {other.url()};
    gate.settings().mdm.state_lifetime = 60s;
    feed.change(gate.settings());
    CHECK(other.polls(1)[0] == "/api/gateway/v1/devices?wait=0");  // it doesn't know our cursor
    const auto start = std::chrono::steady_clock::now();
    feed.stop();
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    CHECK(gate.fresh());
}

TEST_CASE("states survive a restart, and their age goes on") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    (void)mdm.polls(2);
    gate.feed().stop();

    SUBCASE("a clock that is set changes nothing within a boot") {
        gate.wall_offset_ms = -86'400'000;
        CHECK(gate.restart().status().has_states);
        CHECK(gate.update(1).everything);
        CHECK(gate.state_of("A") == "allow");
        CHECK(gate.fresh());
        gate.wall_offset_ms = 86'400'000;
        gate.restart();
        CHECK(gate.fresh());
    }
    SUBCASE("older than the lifetime is too old, but a base for changes") {
        gate.boot_offset_ms = 86'400'001;
        gate.restart().start();
        CHECK_FALSE(gate.fresh());
        CHECK(gate.feed().contact()->expires_at_ms() != 0);
        CHECK(mdm.polls(3)[2] == "/api/gateway/v1/devices?since=c1&wait=0");
        mdm.answer(204);
        CHECK(eventually([&] { return gate.fresh(); }));
    }
    SUBCASE("a contact in the future is not believed") {
        gate.boot_offset_ms = -86'400'000;
        gate.restart();
        CHECK(gate.feed().table() == nullptr);
        CHECK(gate.feed().contact()->expires_at_ms() == 0);
    }
    SUBCASE("a damaged file is not used, and is replaced by the next contact") {
        fs::resize_file(gate.state_file(), 100);
        gate.restart();
        CHECK(gate.feed().table() == nullptr);
        mdm.answer(200, document("c2", true, {device("B", "allow")}));
        gate.start();
        (void)gate.update(1);
        gate.restart();
        CHECK(gate.state_of("B") == "allow");
    }
}

TEST_CASE("a lifetime of a second: polls come in time, and without them the states end") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    gate.settings().mdm.state_lifetime = 1s;
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    mdm.answer(204);
    mdm.answer(204);
    gate.start();
    const auto polls = mdm.polls(4);
    CHECK(polls[3] == "/api/gateway/v1/devices?since=c1&wait=0");
    CHECK(eventually([&] { return !gate.fresh(); }));
    CHECK(gate.feed().contact()->expires_at_ms() != 0);
    mdm.answer(204);
    CHECK(eventually([&] { return gate.fresh(); }));
}

TEST_CASE("a disk that refuses doesn't stop the feed") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    gate.settings().mdm.state_file = "/proc/easgate/devices.state";
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    mdm.answer(200, document("c2", false, {device("A", "deny")}));
    gate.start();
    (void)gate.update(2);
    CHECK(gate.state_of("A") == "deny");
    CHECK(gate.fresh());
}

TEST_CASE("what was seen is reported, beside the poll that is held") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    DeviceFeed& feed = gate.start();
    (void)mdm.polls(2);
    mdm.set_report_status(500);
    device::Sighting seen;
    seen.id = "A";
    seen.requests = 3;
    seen.first_seen = seen.last_seen = std::chrono::system_clock::now();
    feed.observe({seen});
    (void)mdm.reports(1);
    mdm.set_report_status(202);
    const std::string report = mdm.reports(2)[1];
    CHECK(report.find(R"("id":"A")") != std::string::npos);
    CHECK(report.find(R"("requests":3)") != std::string::npos);
    CHECK(report.ends_with(R"("devices":1})"
                           "\n"));
    CHECK(eventually([&] { return feed.status().observations_sent == 1; }));
}

TEST_CASE("a replaced table is freed by the feed, once nobody holds it") {
    FakeMdm mdm;
    Gate gate({mdm.url()});
    mdm.answer(200, document("c1", true, {device("A", "allow")}));
    gate.start();
    (void)gate.update(1);
    auto held = gate.feed().table();
    const std::weak_ptr<const device::DeviceTable> watched = held;
    mdm.answer(200, document("c2", true, {device("B", "allow")}));
    (void)gate.update(2);
    gate.forget_updates();
    // Ours and the one on the feed's list of what it replaced.
    CHECK(eventually([&] { return held.use_count() == 2; }));
    held.reset();
    CHECK(eventually([&] { return watched.expired(); }));
}

}  // namespace eg::gate
