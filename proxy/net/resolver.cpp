#include "proxy/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

namespace eg::net {

namespace {

constexpr auto kFresh = Milliseconds(30'000);
constexpr auto kFailureKept = Milliseconds(1'000);

std::vector<IpAddress> ask_system(const std::string& name) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    std::vector<IpAddress> addresses;
    // AI_ADDRCONFIG hides loopback names on machines without a network; then ask without it.
    if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) {
        hints.ai_flags = 0;
        if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) {
            return addresses;
        }
    }
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        sockaddr_storage native{};
        if (entry->ai_addrlen <= sizeof native) {
            std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                        reinterpret_cast<char*>(&native));
            const IpAddress address = SocketAddress::from_native(native).address;
            if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
                addresses.push_back(address);
            }
        }
    }
    ::freeaddrinfo(found);
    return addresses;
}

}  // namespace

SystemResolver::SystemResolver() : thread_([this] { run(); }) {}

SystemResolver::~SystemResolver() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        questions_.clear();
    }
    asked_.notify_one();
    thread_.join();
}

void SystemResolver::resolve(const std::string& name, Loop& loop, Answer answer) {
    {
        const std::lock_guard lock(mutex_);
        questions_.push_back({name, &loop, std::move(answer)});
    }
    asked_.notify_one();
}

void SystemResolver::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (questions_.empty()) {
            asked_.wait(lock);
            continue;
        }
        Question question = std::move(questions_.front());
        questions_.erase(questions_.begin());
        lock.unlock();
        auto addresses = ask_system(question.name);
        lock.lock();
        if (!stopping_) {
            question.loop->post([answer = std::move(question.answer),
                                 found = std::move(addresses)] { answer(found); });
        }
    }
}

const std::vector<IpAddress>* NameCache::look_up(const std::string& name, Advancing& waiter,
                                                 bool& failed) {
    failed = false;
    Entry& entry = entries_[name];
    if (!entry.answered && entry.addresses.empty()) {
        if (const auto literal = IpAddress::parse(name)) {
            entry.addresses = {*literal};
            entry.fresh_until_ms = INT64_MAX;
            entry.answered = true;
        }
    }
    const bool fresh = entry.answered && loop_.now_ms() < entry.fresh_until_ms;
    if (!fresh && !entry.asking) {
        ask(name, entry);
    }
    if (!entry.addresses.empty()) {
        return &entry.addresses;  // the last good answer serves while a new one is on its way
    }
    if (fresh) {
        failed = true;
        return nullptr;
    }
    if (std::find(entry.waiters.begin(), entry.waiters.end(), &waiter) == entry.waiters.end()) {
        entry.waiters.push_back(&waiter);
    }
    return nullptr;
}

void NameCache::ask(const std::string& name, Entry& entry) {
    entry.asking = true;
    resolver_.resolve(name, loop_, [this, name](const std::vector<IpAddress>& addresses) {
        Entry& answered = entries_[name];
        answered.asking = false;
        answered.answered = true;
        const auto kept = addresses.empty() ? kFailureKept : kFresh;
        answered.fresh_until_ms = loop_.now_ms() + kept.count();
        if (!addresses.empty()) {
            answered.addresses = addresses;
        }
        // One at a time: a waiter's advance may make another one forgotten. None comes back, for
        // the answer is fresh now.
        while (!answered.waiters.empty()) {
            Advancing* waiter = answered.waiters.back();
            answered.waiters.pop_back();
            waiter->advance();
        }
    });
}

void NameCache::forget(Advancing& waiter) {
    for (auto& [name, entry] : entries_) {
        std::erase(entry.waiters, &waiter);
    }
}

}  // namespace eg::net
