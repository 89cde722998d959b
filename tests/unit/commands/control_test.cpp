#include "proxy/commands/control.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>

#include "proxy/commands/devices.h"
#include "proxy/commands/version.h"

using namespace eg::commands;

namespace {

/// Answers each connection on a Unix socket with the same bytes, and keeps what was asked.
class FakeNode {
  public:
    explicit FakeNode(std::string answer) : answer_(std::move(answer)) {
        path_ = std::filesystem::temp_directory_path() /
                ("easgate-control-" + std::to_string(getpid()) + ".sock");
        std::filesystem::remove(path_);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 4) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeNode() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        std::filesystem::remove(path_);
    }
    FakeNode(const FakeNode&) = delete;
    FakeNode& operator=(const FakeNode&) = delete;

    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string asked() const {
        const std::scoped_lock lock(mutex_);
        return asked_;
    }

  private:
    void serve() {
        for (int client = ::accept(listener_, nullptr, nullptr); client >= 0;
             client = ::accept(listener_, nullptr, nullptr)) {
            char buffer[4096];
            const ssize_t n = ::read(client, buffer, sizeof buffer);
            {
                const std::scoped_lock lock(mutex_);
                asked_.assign(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
            }
            CHECK(::write(client, answer_.data(), answer_.size()) ==
                  static_cast<ssize_t>(answer_.size()));
            ::close(client);
        }
    }
    std::filesystem::path path_;
    std::string answer_;
    mutable std::mutex mutex_;
    std::string asked_;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace

TEST_CASE("a page of the node is fetched over its socket") {
    const FakeNode node("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    std::string body;
    const auto status =
        fetch(node.path(), "/status", [&](std::string_view piece) { body += piece; });
    CHECK(status == 200U);
    CHECK(body == "hello");
    CHECK(node.asked().starts_with("GET /status HTTP/1.1\r\n"));
}

TEST_CASE("only the body of a 200 is given on") {
    const FakeNode node("HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\nhello");
    std::string body;
    CHECK(fetch(node.path(), "/readyz", [&](std::string_view piece) { body += piece; }) == 503U);
    CHECK(body.empty());
}

TEST_CASE("an answer that breaks off is an error") {
    const FakeNode node("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    const auto status = fetch(node.path(), "/devices", [](std::string_view) {});
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().find("broke off") != std::string::npos);
}

TEST_CASE("where no node runs, that is said") {
    const auto status = fetch("/nonexistent/easgate.sock", "/status", [](std::string_view) {});
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error() ==
          "no node is running here: nobody answers at the control socket "
          "/nonexistent/easgate.sock");
    CHECK_FALSE(control_socket("/nonexistent/easgate.yaml").has_value());
    DevicesOptions options;
    options.config = "/nonexistent/easgate.yaml";
    CHECK(devices(options) == 1);
}

TEST_CASE("ids are safe in a target") {
    CHECK(target_of("/devices", {{"id", "a b&c=%\xff"}, {"instance", "main"}}) ==
          "/devices?id=a%20b%26c%3D%25%FF&instance=main");
    CHECK(target_of("/devices", {{"id", ""}, {"instance", "main"}}) == "/devices?instance=main");
    CHECK(target_of("/devices", {{"id", ""}}) == "/devices");
}

TEST_CASE("version names the program and its libraries") {
    const std::string text = version_text();
    CHECK(text.starts_with("easgate "));
    for (const char* word :
         {"build", "libevent", "OpenSSL", "libcurl", "yaml-cpp", "jansson", "fmt", "zlib"}) {
        CHECK(text.find(word) != std::string::npos);
    }
}
