/// An MDM server for the feed's tests. A thread a connection, all ended by the destructor.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace eg::gate {

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
    /// When the last byte of the answer number `index` was handed to the system.
    std::chrono::steady_clock::time_point answered_at(std::size_t index) {
        return wait_for(answered_, index + 1)[index];
    }

  private:
    struct Answer {
        int status;
        std::string body;
    };

    template <typename What>
    What wait_for(const What& what, std::size_t count) {
        std::unique_lock lock(mutex_);
        CHECK(changed_.wait_for(lock, std::chrono::seconds(20),
                                [&] { return what.size() >= count; }));
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
            changed_.wait_for(lock, std::chrono::milliseconds(10));
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
        answered_.push_back(std::chrono::steady_clock::now());
        changed_.notify_all();
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
    std::vector<std::chrono::steady_clock::time_point> answered_;
    int report_status_ = 202;
    bool ending_ = false;
};

}  // namespace eg::gate
