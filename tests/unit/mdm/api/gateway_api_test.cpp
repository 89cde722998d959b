#include "mdm/api/gateway_api.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "mdm/store/observations.h"
#include "proxy/server/process.h"
#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;
using namespace std::chrono_literals;
using device::State;

namespace {

/// Stands where TLS would: says which certificate the client has.
class Named final : public server::Handler {
  public:
    explicit Named(GatewayApi& api) : api_(api) {}
    std::string hash = std::string(32, 'a');

    std::size_t body_limit(const http::RequestHead& head) const override {
        return api_.body_limit(head);
    }
    void handle(const server::SimpleRequest& request, server::Reply reply) override {
        api_.handle({request.head, request.body, hash, request.request_id, request.client},
                    std::move(reply));
    }

  private:
    GatewayApi& api_;
};

struct Served {
    TemporaryStore store;
    Instance hq = store.add_instance("hq");
    Database second = must(Database::open(store.path, Milliseconds(50)));
    log::Log log{[this] {
        log::Settings settings;
        settings.directory = store.folder.path.string();
        return settings;
    }()};
    GatewayApi api{second, log};
    Named handler{api};
    server::SimpleServer server{"test"};

    Served() {
        REQUIRE(server.add_listener(*SocketAddress::parse("127.0.0.1:0"), {}, handler));
        server.on_turn([this] { api.poll(); });
        server.start();
    }

    /// Sends a request and returns the whole answer.
    std::string ask(const std::string& start, const std::string& fields = "",
                    const std::string& body = "") {
        const int fd = send(start, fields, body);
        return receive(fd);
    }
    int send(const std::string& start, const std::string& fields = "",
             const std::string& body = "") {
        sockaddr_storage native{};
        const SocketAddress address{*IpAddress::parse("127.0.0.1"), server.bound_port()};
        const socklen_t length = address.to_native(native);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0);
        const std::string request = fmt::format(
            "{} HTTP/1.1\r\nHost: mdm\r\nConnection: close\r\n{}{}\r\n{}", start, fields,
            body.empty() ? "" : fmt::format("Content-Length: {}\r\n", body.size()), body);
        REQUIRE(::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(request.size()));
        return fd;
    }
    static std::string receive(int fd) {
        std::string answer;
        std::array<char, 65536> piece;
        ssize_t got = 0;
        while ((got = ::recv(fd, piece.data(), piece.size(), 0)) > 0) {
            answer.append(piece.data(), static_cast<std::size_t>(got));
        }
        ::close(fd);
        return answer;
    }
    std::string devices(const std::string& query = "") {
        return ask("GET /api/gateway/v1/devices" + query);
    }
};

std::string status_of(const std::string& answer) {
    return answer.substr(9, 3);
}

std::string cursor_in(const std::string& answer) {
    const std::size_t at = answer.find("\"cursor\":\"") + 10;
    return answer.substr(at, answer.find('"', at) - at);
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a full answer, then nothing new, then a delta") {
    Served served;
    must(served.store.devices().add(served.hq.id, record("A1", State::allow, {"alice"})));
    const std::string full = served.devices();
    CHECK(status_of(full) == "200");
    CHECK(holds(full, "Content-Type: application/x-ndjson\r\n"));
    CHECK(holds(full, "\"full\":true,\"count\":1,"));
    CHECK(holds(full, "\n{\"id\":\"A1\",\"users\":[\"alice\"],\"state\":\"allow\"}\n"));
    const std::string cursor = cursor_in(full);
    CHECK(status_of(served.devices("?since=" + cursor)) == "204");
    must(served.store.devices().remove(served.hq.id, "A1"));
    const std::string delta = served.devices("?since=" + cursor + "&wait=20");
    CHECK(holds(delta, "\"full\":false,\"count\":1,"));
    CHECK(holds(delta, "{\"id\":\"A1\",\"users\":[],\"state\":\"removed\"}\n"));
    CHECK(status_of(served.devices("?since=" + cursor_in(delta))) == "204");
    CHECK(holds(served.devices(), "\"full\":true,\"count\":0,"));
}

TEST_CASE("a change made elsewhere wakes a held request, one of another instance doesn't") {
    Served served;
    const Instance branch = served.store.add_instance("branch", 'b');
    const std::string cursor = cursor_in(served.devices());
    const int fd = served.send("GET /api/gateway/v1/devices?wait=30&since=" + cursor);
    std::this_thread::sleep_for(150ms);
    must(served.store.devices().add(branch.id, record("B1")));
    std::this_thread::sleep_for(150ms);
    std::array<char, 1> byte;
    CHECK(::recv(fd, byte.data(), 1, MSG_PEEK | MSG_DONTWAIT) == -1);
    const auto begun = std::chrono::steady_clock::now();
    must(served.store.devices().add(served.hq.id, record("A1")));
    CHECK(holds(Served::receive(fd), "\"id\":\"A1\""));
    CHECK(std::chrono::steady_clock::now() - begun < 1s);
}

TEST_CASE(
    "a held request ends with 204 when its time is over, and with 401 when its instance goes") {
    Served served;
    const std::string path = "GET /api/gateway/v1/devices?since=" + cursor_in(served.devices());
    const auto begun = std::chrono::steady_clock::now();
    CHECK(status_of(served.ask(path + "&wait=1")) == "204");
    const auto took = std::chrono::steady_clock::now() - begun;
    CHECK(took > 900ms);
    CHECK(took < 3s);
    const int fd = served.send(path + "&wait=30");
    std::this_thread::sleep_for(100ms);
    must(served.store.instances().remove("hq"));
    CHECK(status_of(Served::receive(fd)) == "401");
}

TEST_CASE("a cursor that isn't ours, from the future or too old, is gone") {
    Served served;
    must(served.store.devices().add(served.hq.id, record("A1")));
    const std::string cursor = cursor_in(served.devices());
    must(served.store.devices().remove(served.hq.id, "A1"));
    must(served.store.devices().forget_removed(std::time(nullptr) + 100));
    for (const std::string& since :
         {cursor, std::string(), std::string("other"), served.hq.feed_id + ".999999"}) {
        CAPTURE(since);
        CHECK(status_of(served.devices("?since=" + since + "&wait=5")) == "410");
    }
}

TEST_CASE("a malformed question, another path, another method") {
    Served served;
    CHECK(status_of(served.devices("?wait=soon")) == "400");
    CHECK(status_of(served.ask("GET /")) == "404");
    CHECK(status_of(served.ask("GET /api/gateway/v1/devices/")) == "404");
    CHECK(status_of(served.ask("POST /api/gateway/v1/devices")) == "405");
    CHECK(holds(served.ask("GET /api/gateway/v1/observations"), "Allow: POST\r\n"));
}

TEST_CASE("without a known certificate there is nothing but 401") {
    for (const std::string& hash : {std::string(), std::string(32, 'z')}) {
        Served served;
        served.handler.hash = hash;
        CHECK(status_of(served.devices()) == "401");
        CHECK(status_of(served.ask("POST /api/gateway/v1/observations", "", "{\"id\":\"A1\"}\n")) ==
              "401");
        CHECK(must(Observations(served.store.database).count(served.hq.id)).unlisted == 0);
    }
}

TEST_CASE("gzip where the gate accepts it, for short answers and long ones") {
    Served served;
    const std::string gzip = "Accept-Encoding: deflate, gzip\r\n";
    CHECK(holds(served.ask("GET /api/gateway/v1/devices", gzip), "Content-Encoding: gzip\r\n"));
    std::vector<device::Record> many;
    for (int i = 0; i < 2000; ++i) {
        many.push_back(record(fmt::format("DEVICE{}", i)));
    }
    must(served.store.devices().import(served.hq.id, many));
    const std::string packed = served.ask("GET /api/gateway/v1/devices", gzip);
    const std::string plain = served.devices();
    CHECK(holds(packed, "Content-Encoding: gzip\r\n"));
    CHECK(holds(packed, "Transfer-Encoding: chunked\r\n"));
    CHECK_FALSE(holds(plain, "Content-Encoding"));
    CHECK(holds(plain, "DEVICE1999"));
    CHECK(packed.size() * 3 < plain.size());
}

TEST_CASE("observations are stored, and held up by nobody else's writing") {
    Served served;
    must(served.store.devices().add(served.hq.id, record("A1")));
    const std::string start = "POST /api/gateway/v1/observations";
    CHECK(status_of(served.ask(start, "", "{\"id\":\"a1\"}\nnonsense\n{\"node\":\"gate-1\"}\n")) ==
          "204");
    CHECK(must(Observations(served.store.database).count(served.hq.id)).listed == 1);
    CHECK(must(Observations(served.store.database).nodes(served.hq.id)).size() == 1);
    CHECK(status_of(served.ask(start)) == "204");
    CHECK(status_of(served.ask(start, "Content-Encoding: gzip\r\n", "x")) == "415");
    CHECK(status_of(served.ask(start, "Content-Length: 4194305\r\n")) == "413");
}

TEST_CASE("release() answers what is held") {
    Served served;
    const int fd =
        served.send("GET /api/gateway/v1/devices?wait=30&since=" + cursor_in(served.devices()));
    std::this_thread::sleep_for(100ms);
    served.server.worker().post([&served] { served.api.release(); });
    CHECK(status_of(Served::receive(fd)) == "204");
}
