/// One thread's event loop: descriptors, deadlines, and messages from other threads.
///
/// Everything but post() and wake() belongs to the thread that turns the loop. A loop outlives all
/// that is registered with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/base/units.h"
#include "proxy/net/outbox.h"

struct event;
struct event_base;

namespace eg::net {

/// Something with one entry point: whatever changed (readable, writable, a deadline, a message),
/// advance() looks at the whole state and goes as far as it can. It may be called at any time and
/// changes nothing when nothing changed.
class Advancing {
  public:
    virtual void advance() = 0;

  protected:
    ~Advancing() = default;
};

class Wheel;

/// A point in time at which its owner is advanced. Arming costs no system call; disarming,
/// and arming for later than the wheel will look anyway, cost a store. Precision: Wheel::kTickMs.
class Deadline {
  public:
    Deadline(Wheel& wheel, Advancing& owner) : wheel_(wheel), owner_(owner) {}
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    void arm(Milliseconds wait);
    void disarm();
    [[nodiscard]] bool armed() const { return expires_ms_ != 0; }
    /// Armed, and its time has come. Stays so until armed or disarmed.
    [[nodiscard]] bool passed() const;

  private:
    friend class Wheel;
    Wheel& wheel_;
    Advancing& owner_;
    Deadline* next_ = nullptr;
    Deadline** link_ = nullptr;  // who points to us; null = in no slot
    std::int64_t expires_ms_ = 0;
    std::int64_t slot_ms_ = 0;  // when the wheel looks at us
};

/// A hashed timing wheel: deadlines hang in the slot of their time and are looked at when it comes.
class Wheel {
  public:
    static constexpr std::int64_t kTickMs = 50;
    static constexpr std::size_t kSlots = 1024;

    Wheel() : slots_(kSlots) {}
    void set_now(std::int64_t now_ms) { now_ms_ = now_ms; }
    [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
    /// Advances the owners of all deadlines that have passed.
    void run();

  private:
    friend class Deadline;
    void link(Deadline& deadline);
    void unlink(Deadline& deadline);
    std::vector<Deadline*> slots_;
    std::int64_t now_ms_ = 0;
    std::int64_t tick_ = 0;  // the last slot that was run, in ticks
};

class Loop {
  public:
    /// Tells the time; called on the loop's thread, once a turn.
    using Clock = std::function<MonotonicTime()>;

    explicit Loop(Clock clock = &std::chrono::steady_clock::now);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Deals with all that has happened; `waits`: for something to happen, at most a tick of the
    /// wheel.
    void turn(bool waits);

    /// Monotonic time of this turn: read once after waking.
    [[nodiscard]] std::int64_t now_ms() const { return wheel_.now_ms(); }
    [[nodiscard]] MonotonicTime now() const { return now_; }
    [[nodiscard]] Wheel& wheel() { return wheel_; }
    /// Where small writes of this turn gather.
    [[nodiscard]] Outbox& outbox() { return outbox_; }
    [[nodiscard]] event_base* base() { return base_; }

    /// Runs `message` on the loop's thread in its next turn. Any thread.
    void post(std::function<void()> message);

    /// Called by the trampolines before anything else in a turn.
    void refresh_clock();

  private:
    void read_mailbox();
    static void on_wake(int fd, short what, void* self) noexcept;
    static void on_tick(int fd, short what, void* self) noexcept;

    Clock clock_;
    event_base* base_;
    event* wake_event_ = nullptr;
    event* tick_event_ = nullptr;
    int wake_fd_ = -1;
    bool clock_is_stale_ = true;
    MonotonicTime now_;
    Wheel wheel_;
    Outbox outbox_;
    std::mutex mutex_;  // guards mailbox_
    std::vector<std::function<void()>> mailbox_;
};

}  // namespace eg::net
