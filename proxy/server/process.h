/// A small server of Handlers on one worker thread: the companion, the admin endpoint, the control
/// socket.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/server/simple.h"
#include "proxy/server/simple_transaction.h"
#include "proxy/server/worker.h"

namespace eg::server {

class SimpleServer {
  public:
    explicit SimpleServer(std::string thread_name) : thread_name_(std::move(thread_name)) {}
    ~SimpleServer() { stop(); }
    SimpleServer(const SimpleServer&) = delete;
    SimpleServer& operator=(const SimpleServer&) = delete;

    /// Binds at once, so that privileges can be dropped before start(). `handler` outlives the
    /// server. Errors: a sentence for administrators. With port 0, bound_port() tells the one that
    /// was given.
    [[nodiscard]] std::expected<void, std::string> add_listener(const SocketAddress& address,
                                                                ServiceSettings settings,
                                                                Handler& handler);
    /// The same on a Unix socket; its file is removed by stop().
    [[nodiscard]] std::expected<void, std::string> add_unix_listener(const std::string& path,
                                                                     ServiceSettings settings,
                                                                     Handler& handler);
    [[nodiscard]] std::uint16_t bound_port() const { return bound_port_; }
    /// From now on the listener that was added first serves new connections with these settings;
    /// connections that stand keep theirs. On the thread that called start().
    void renew_first(ServiceSettings settings, Handler& handler);

    /// Called on the server's thread at least every 50 ms, more often when there is traffic. Before
    /// start().
    void on_turn(std::function<void()> hook) { worker_.on_turn_end(std::move(hook)); }
    void start() { worker_.start(thread_name_); }
    /// Ends the thread; open connections are closed.
    void stop();
    [[nodiscard]] Worker& worker() { return worker_; }

  private:
    void serve(int fd, const SocketAddress& address, ServiceSettings settings, Handler& handler);

    std::string thread_name_;
    ConnectionLimit limit_;
    Worker worker_{limit_};
    std::vector<std::pair<SocketAddress, std::shared_ptr<Service>>> served_;
    std::vector<std::string> unix_paths_;
    std::uint16_t bound_port_ = 0;
};

/// Blocks SIGINT, SIGTERM, SIGHUP, SIGUSR1 in this thread and those it starts; call before any
/// thread is made. Ignores SIGPIPE.
void block_signals();
/// Waits for one of them and returns it, or 0 after `longest`.
[[nodiscard]] int wait_for_signal(Milliseconds longest);

/// Becomes `user` with its groups, for good. Errors: a sentence for administrators.
[[nodiscard]] std::expected<void, std::string> become_user(const std::string& user);

}  // namespace eg::server
