#include "proxy/server/worker.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace eg::server {

namespace {

constexpr std::uint64_t kFarAbove = 2;  // times the limit of connections of an address

}  // namespace

Worker::~Worker() {
    stop();
    join();
    close_all();
}

void Worker::close_all() {
    entries_.clear();
    while (first_ != nullptr) {
        bury(*first_);
    }
    graveyard_.clear();
}

void Worker::start(std::string thread_name) {
    // Signals belong to the control thread: the new thread inherits this mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, name = std::move(thread_name)] {
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Worker::stop() {
    stopping_.store(true);
    loop_.post([] {});
}

void Worker::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Worker::run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        turn(true);
    }
}

void Worker::turn(bool waits) {
    loop_.turn(waits && ready_.empty());
    std::vector<Connection*> ready;
    ready.swap(ready_);
    for (Connection* connection : ready) {
        connection->advance();
    }
    if (turn_ended_) {
        turn_ended_();
    }
    graveyard_.clear();
}

void Worker::listen(int fd, const SocketAddress& address, std::shared_ptr<Service> service) {
    auto entry = std::make_unique<Entry>();
    Entry& kept = *entry;
    kept.service = std::move(service);
    kept.listener = std::make_unique<net::Listener>(
        loop_, fd, address,
        [this] {
            return limit_.open.load(std::memory_order_relaxed) <
                   limit_.most.load(std::memory_order_relaxed);
        },
        [this, &kept](int accepted, const SocketAddress& peer) { accept(kept, accepted, peer); });
    entries_.push_back(std::move(entry));
}

void Worker::assign(
    const std::vector<std::pair<SocketAddress, std::shared_ptr<Service>>>& services) {
    for (auto& entry : entries_) {
        entry->service = nullptr;
        for (const auto& [address, service] : services) {
            if (address == entry->listener->address()) {
                entry->service = service;
            }
        }
    }
    std::erase_if(entries_, [](const auto& entry) { return entry->service == nullptr; });
}

void Worker::close_listeners() {
    for (auto& entry : entries_) {
        entry->listener->advance();  // what the kernel has accepted for us is still served
    }
    entries_.clear();
}

void Worker::drain_connections() {
    for (Connection* connection = first_; connection != nullptr;) {
        Connection* next = connection->next_;
        connection->drain();
        connection = next;
    }
}

std::uint64_t Worker::accept_pauses() const {
    std::uint64_t sum = 0;
    for (const auto& entry : entries_) {
        sum += entry->listener->pauses();
    }
    return sum;
}

void Worker::accept(Entry& entry, int fd, const SocketAddress& peer) {
    std::uint64_t address_key = 0;
    bool crowded = false;
    if (const unsigned most = limit_.addresses.most(); most != 0) {
        address_key = limit_.addresses.key_of(peer.address);
        const std::uint64_t count = limit_.addresses.add(address_key);
        crowded = count > most;
        if (count > kFarAbove * most) {
            // An answer would cost a handshake, which is what such a client may be after.
            limit_.addresses.subtract(address_key);
            ::close(fd);
            ++refused_;
            return;
        }
    }
    limit_.open.fetch_add(1, std::memory_order_relaxed);
    ++connections_;
    // Owned by the list from here on, until bury() takes it over.
    auto* connection = std::make_unique<Connection>(*this, entry.service, fd, peer).release();
    connection->address_key_ = address_key;
    connection->crowded_ = crowded;
    connection->next_ = first_;
    connection->link_ = &first_;
    if (first_ != nullptr) {
        first_->link_ = &connection->next_;
    }
    first_ = connection;
    connection->advance();
}

void Worker::bury(Connection& connection) {
    *connection.link_ = connection.next_;
    if (connection.next_ != nullptr) {
        connection.next_->link_ = connection.link_;
    }
    --connections_;
    if (connection.address_key_ != 0) {
        limit_.addresses.subtract(connection.address_key_);
    }
    limit_.open.fetch_sub(1, std::memory_order_relaxed);
    std::erase(ready_, &connection);
    graveyard_.emplace_back(&connection);
}

}  // namespace eg::server
