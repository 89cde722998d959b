/// One thread with one event loop: listeners, connections, and what they share.
///
/// Made and configured by the control thread before start(); afterwards everything happens on its
/// own thread, through post().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/http/head.h"
#include "proxy/net/buffer.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/server/address_count.h"
#include "proxy/server/connection.h"
#include "proxy/server/service.h"

namespace eg::server {

/// Counts the connections of all workers against one limit.
struct ConnectionLimit {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> most{100'000};
    AddressCount addresses;  // of each client address against another one
};

class Worker {
  public:
    /// `clock`: of the loop; tests bring their own.
    explicit Worker(ConnectionLimit& limit,
                    net::Loop::Clock clock = &std::chrono::steady_clock::now)
        : limit_(limit), loop_(std::move(clock)) {}
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Runs `message` on the worker's thread. Any thread.
    void post(std::function<void()> message) { loop_.post(std::move(message)); }
    void start(std::string thread_name);
    /// Ends the thread after its current turn; what is open is closed hard. Any thread.
    void stop();
    void join();
    /// Closes everything hard. After join().
    void close_all();

    /// One turn of the loop, with what belongs to its end. What the thread does until stop(), and
    /// tests do instead of start(). `waits`: as Loop::turn.
    void turn(bool waits);

    // On the worker's thread (or before start()).
    /// Serves a listening descriptor; takes it over.
    void listen(int fd, const SocketAddress& address, std::shared_ptr<Service> service);
    /// A reload: each listener now serves what `services` says of its address; those of other
    /// addresses close. Connections follow their service's successor.
    void assign(const std::vector<std::pair<SocketAddress, std::shared_ptr<Service>>>& services);
    /// Stops accepting for good.
    void close_listeners();
    /// No more requests on any connection; see Connection::drain.
    void drain_connections();
    /// Called at the end of each turn.
    void on_turn_end(std::function<void()> hook) { turn_ended_ = std::move(hook); }

    [[nodiscard]] net::Loop& loop() { return loop_; }
    [[nodiscard]] net::BufferPool& buffers() { return buffers_; }
    [[nodiscard]] std::size_t connections() const { return connections_; }
    /// Scratch for the head being judged; valid within one call of Transaction::begin.
    [[nodiscard]] http::RequestHead& head_scratch() { return head_; }
    [[nodiscard]] std::uint64_t accept_pauses() const;
    /// Connections that were closed at once: their address had far too many.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

    void advance_next_turn(Connection& connection) { ready_.push_back(&connection); }
    /// The connection is done: freed at the end of the turn.
    void bury(Connection& connection);

  private:
    struct Entry {
        std::shared_ptr<Service> service;
        std::unique_ptr<net::Listener> listener;
    };
    void run();
    void accept(Entry& entry, int fd, const SocketAddress& peer);

    ConnectionLimit& limit_;
    net::Loop loop_;
    net::BufferPool buffers_;
    http::RequestHead head_;
    std::vector<std::unique_ptr<Entry>> entries_;
    Connection* first_ = nullptr;  // all living connections
    std::size_t connections_ = 0;
    std::uint64_t refused_ = 0;
    std::vector<Connection*> ready_;  // to be advanced in the next turn
    std::vector<std::unique_ptr<Connection>> graveyard_;
    std::function<void()> turn_ended_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace eg::server
