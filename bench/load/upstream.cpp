// The mail server of the bench: answers each request with as many bytes as it asks for, holds Pings
// until SIGUSR1. `upstream --port P --tls-port Q --certificate FILE --key FILE`.
// Prints `ready`, and after each SIGUSR1 how many Pings it had held.

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <unordered_set>

#include <fmt/format.h>

#include "bench/load/arguments.h"
#include "bench/load/http.h"
#include "bench/load/net.h"

namespace {

using namespace eg::bench;

constexpr std::size_t kBufferBytes = 64 * 1024;

class Visitor;

struct Shared {
    Poller poller;
    std::unordered_set<Visitor*> held;
    std::string pattern = std::string(kBufferBytes, 'm');
};

class Visitor final : public Handler {
  public:
    Visitor(Shared& shared, int fd, SslPtr ssl) : shared_(shared), link_(fd, std::move(ssl)) {
        shared_.poller.add(fd, *this, EPOLLIN);
    }
    ~Visitor() override {
        shared_.held.erase(this);
        shared_.poller.forget(*this);
    }

    void ready(std::uint32_t) override {
        if (!shaken_) {
            const Io io = link_.handshake();
            if (io != Io::ok) {
                if (io == Io::closed) {
                    delete this;
                }
                return;
            }
            shaken_ = true;
        }
        if ((answering() && !send()) || (!answering() && !read())) {
            delete this;
        }
    }

    void release() {
        answer();
        if (!send()) {
            delete this;
        }
    }

  private:
    [[nodiscard]] bool answering() const { return !head_.empty() || body_left_ != 0; }

    /// False: the connection is over.
    bool read() {
        static std::array<char, kBufferBytes> buffer;
        do {
            const Moved got = link_.read(buffer);
            if (got.io == Io::again) {
                return true;
            }
            if (got.io == Io::closed || !take({buffer.data(), got.bytes})) {
                return false;
            }
        } while (link_.pending());
        return true;
    }

    bool take(std::string_view bytes) {
        if (!reading_body_) {
            partial_ += bytes;
            const auto head = read_head(partial_);
            if (!head) {
                return true;
            }
            request_ = *head;
            left_ = head->length;
            reading_body_ = true;
            bytes = std::string_view(partial_).substr(head->bytes);
        }
        if (bytes.size() > left_) {
            fail("a request in the middle of another");
        }
        left_ -= bytes.size();
        partial_.clear();
        if (left_ != 0) {
            return true;
        }
        reading_body_ = false;
        if (request_.holds) {
            shared_.held.insert(this);
            link_.free_buffers();
            return true;
        }
        answer();
        return send();
    }

    void answer() {
        static constexpr std::string_view kPermission = "HTTP/1.1 204 No Content\r\n\r\n";
        if (request_.asks_permission) {
            head_ = kPermission;
            return;
        }
        head_ = fmt::format(
            "HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Type: "
            "application/vnd.ms-sync.wbxml\r\nMS-Server-ActiveSync: 15.2\r\nDate: Thu, 01 Jan 2026 "
            "12:00:00 GMT\r\nContent-Length: {}\r\n\r\n",
            request_.answer_bytes);
        body_left_ = request_.answer_bytes;
        if (body_left_ <= 1024) {
            head_.append(shared_.pattern, 0, body_left_);
            body_left_ = 0;
        }
    }

    bool send() {
        while (answering()) {
            const std::string_view piece =
                head_.empty() ? std::string_view(shared_.pattern).substr(0, body_left_)
                              : std::string_view(head_).substr(sent_);
            const Moved moved = link_.write(piece);
            if (moved.io == Io::closed) {
                return false;
            }
            if (moved.io == Io::again) {
                want(EPOLLIN | EPOLLOUT);
                return true;
            }
            if (head_.empty()) {
                body_left_ -= moved.bytes;
            } else if (sent_ += moved.bytes; sent_ == head_.size()) {
                head_.clear();
                sent_ = 0;
            }
        }
        want(EPOLLIN);
        return true;
    }

    void want(std::uint32_t events) {
        if (events != events_) {
            events_ = events;
            shared_.poller.change(link_.fd(), *this, events);
        }
    }

    Shared& shared_;
    Link link_;
    std::string partial_;
    std::string head_;
    std::size_t sent_ = 0;  // of head_
    std::uint64_t body_left_ = 0;
    std::uint64_t left_ = 0;
    Head request_;
    std::uint32_t events_ = EPOLLIN;
    bool shaken_ = false;
    bool reading_body_ = false;
};

class Door final : public Handler {
  public:
    Door(Shared& shared, std::uint16_t port, SSL_CTX* tls)
        : shared_(shared), fd_(listen_on(port)), tls_(tls) {
        shared_.poller.add(fd_, *this, EPOLLIN);
    }
    void ready(std::uint32_t) override {
        for (int fd = accept_from(fd_); fd >= 0; fd = accept_from(fd_)) {
            SslPtr ssl(tls_ == nullptr ? nullptr : SSL_new(tls_));
            if (ssl != nullptr) {
                SSL_set_accept_state(ssl.get());
            }
            new Visitor(shared_, fd, std::move(ssl));  // deletes itself when its connection ends
        }
    }

  private:
    Shared& shared_;
    int fd_;
    SSL_CTX* tls_;
};

class Bell final : public Handler {
  public:
    explicit Bell(Shared& shared) : shared_(shared) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGUSR1);
        sigprocmask(SIG_BLOCK, &signals, nullptr);
        fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
        shared_.poller.add(fd_, *this, EPOLLIN);
    }
    void ready(std::uint32_t) override {
        signalfd_siginfo info{};
        if (::read(fd_, &info, sizeof info) != sizeof info) {
            return;
        }
        std::unordered_set<Visitor*> waiting;
        waiting.swap(shared_.held);
        fmt::print("{}\n", waiting.size());
        std::fflush(stdout);
        for (Visitor* visitor : waiting) {
            visitor->release();
        }
    }

  private:
    Shared& shared_;
    int fd_ = -1;
};

}  // namespace

int main(int count, char** values) {
    const Arguments arguments(count, values, {"--port", "--tls-port", "--certificate", "--key"});
    prepare_process();
    const ContextPtr tls = server_context(arguments.text("--certificate"), arguments.text("--key"));
    Shared shared;
    Bell bell(shared);
    Door plain(shared, static_cast<std::uint16_t>(arguments.number("--port")), nullptr);
    Door secure(shared, static_cast<std::uint16_t>(arguments.number("--tls-port")), tls.get());
    fmt::print("ready\n");
    std::fflush(stdout);
    for (;;) {
        shared.poller.turn(-1);
    }
}
