/// Names to addresses without blocking a worker: a thread asks the system's resolver, answers are
/// kept.
///
/// One Resolver a process; workers ask through a NameCache of their own. An answer comes back
/// through the asking loop's mailbox, so that loop must outlive the resolver's thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/net/loop.h"

namespace eg::net {

class Resolver {
  public:
    /// The addresses of a name, in the order in which the system prefers them; empty = none found.
    using Answer = std::function<void(const std::vector<IpAddress>& addresses)>;

    virtual ~Resolver() = default;
    /// Calls `answer` on `loop`'s thread, in a later turn. Any thread.
    virtual void resolve(const std::string& name, Loop& loop, Answer answer) = 0;
};

/// Asks getaddrinfo(3): hosts file, DNS and whatever else the system is set up for.
class SystemResolver final : public Resolver {
  public:
    SystemResolver();
    ~SystemResolver() override;
    void resolve(const std::string& name, Loop& loop, Answer answer) override;

  private:
    struct Question {
        std::string name;
        Loop* loop;
        Answer answer;
    };
    void run();
    std::mutex mutex_;  // guards questions_ and stopping_
    std::condition_variable asked_;
    std::vector<Question> questions_;
    bool stopping_ = false;
    std::thread thread_;
};

/// Remembers the answers of one worker: fresh ones for a while, the last good one for as long as
/// the resolver has nothing better.
class NameCache {
  public:
    NameCache(Resolver& resolver, Loop& loop) : resolver_(resolver), loop_(loop) {}
    /// The addresses if they are known; else asks, and `waiter.advance()` is called when there is
    /// news. `failed` is true if the name has no address.
    [[nodiscard]] const std::vector<IpAddress>* look_up(const std::string& name, Advancing& waiter,
                                                        bool& failed);
    /// The waiter goes away.
    void forget(Advancing& waiter);

  private:
    struct Entry {
        std::vector<IpAddress> addresses;
        std::vector<Advancing*> waiters;
        std::int64_t fresh_until_ms = 0;
        bool asking = false;
        bool answered = false;
    };
    void ask(const std::string& name, Entry& entry);
    Resolver& resolver_;
    Loop& loop_;
    std::map<std::string, Entry> entries_;
};

}  // namespace eg::net
