#include "proxy/net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <event2/event.h>

#include "proxy/base/check.h"

namespace eg::net {

void Deadline::arm(Milliseconds wait) {
    const std::int64_t at = std::max<std::int64_t>(wheel_.now_ms() + wait.count(), 1);
    if (link_ != nullptr && at >= slot_ms_) {
        expires_ms_ = at;  // the wheel moves it when it comes to the slot
        return;
    }
    wheel_.unlink(*this);
    expires_ms_ = at;
    wheel_.link(*this);
}

void Deadline::disarm() {
    expires_ms_ = 0;
}

Deadline::~Deadline() {
    wheel_.unlink(*this);
}

bool Deadline::passed() const {
    return armed() && expires_ms_ <= wheel_.now_ms();
}

void Wheel::link(Deadline& deadline) {
    const std::int64_t tick = std::max((deadline.expires_ms_ + kTickMs - 1) / kTickMs, tick_ + 1);
    Deadline*& head = slots_[static_cast<std::size_t>(tick) % kSlots];
    deadline.slot_ms_ = tick * kTickMs;
    deadline.next_ = head;
    deadline.link_ = &head;
    if (head != nullptr) {
        head->link_ = &deadline.next_;
    }
    head = &deadline;
}

void Wheel::unlink(Deadline& deadline) {
    if (deadline.link_ == nullptr) {
        return;
    }
    *deadline.link_ = deadline.next_;
    if (deadline.next_ != nullptr) {
        deadline.next_->link_ = deadline.link_;
    }
    deadline.next_ = nullptr;
    deadline.link_ = nullptr;
}

void Wheel::run() {
    const std::int64_t last = now_ms_ / kTickMs;
    if (last - tick_ > static_cast<std::int64_t>(kSlots)) {
        tick_ = last - static_cast<std::int64_t>(kSlots);
    }
    while (tick_ < last) {
        ++tick_;
        // Take the whole slot first: owners may arm into it again.
        Deadline* due = nullptr;
        Deadline*& head = slots_[static_cast<std::size_t>(tick_) % kSlots];
        std::swap(due, head);
        if (due != nullptr) {
            due->link_ = &due;
        }
        while (due != nullptr) {
            Deadline& deadline = *due;
            unlink(deadline);
            if (deadline.expires_ms_ > now_ms_) {
                link(deadline);
            } else if (deadline.armed()) {
                deadline.owner_.advance();
            }
        }
    }
}

Loop::Loop(Clock clock) : clock_(std::move(clock)) {
    event_config* settings = event_config_new();
    EG_CHECK(settings != nullptr);
    event_config_set_flag(settings, EVENT_BASE_FLAG_NOLOCK);
    base_ = event_base_new_with_config(settings);
    event_config_free(settings);
    EG_CHECK(base_ != nullptr);
    wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    EG_CHECK(wake_fd_ >= 0);
    wake_event_ = event_new(base_, wake_fd_, EV_READ | EV_PERSIST, &Loop::on_wake, this);
    EG_CHECK(wake_event_ != nullptr && event_add(wake_event_, nullptr) == 0);
    tick_event_ = event_new(base_, -1, EV_PERSIST, &Loop::on_tick, this);
    const timeval tick{.tv_sec = 0, .tv_usec = Wheel::kTickMs * 1000};
    EG_CHECK(tick_event_ != nullptr && event_add(tick_event_, &tick) == 0);
    refresh_clock();
}

Loop::~Loop() {
    event_free(tick_event_);
    event_free(wake_event_);
    ::close(wake_fd_);
    event_base_free(base_);
}

void Loop::turn(bool waits) {
    clock_is_stale_ = true;
    outbox_.open();
    // Without EVLOOP_ONCE libevent goes on for as long as anything happens: under load the wheel,
    // and what the worker does between two turns, would never get theirs.
    event_base_loop(base_, waits ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
    outbox_.flush();  // many deadlines may have come
    refresh_clock();
    wheel_.run();
    outbox_.close();
}

void Loop::refresh_clock() {
    if (!clock_is_stale_) {
        return;
    }
    clock_is_stale_ = false;
    now_ = clock_();
    wheel_.set_now(std::chrono::duration_cast<Milliseconds>(now_.time_since_epoch()).count());
}

void Loop::post(std::function<void()> message) {
    {
        const std::lock_guard lock(mutex_);
        mailbox_.push_back(std::move(message));
    }
    const std::uint64_t one = 1;
    // A full counter means that the loop will wake anyway.
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void Loop::read_mailbox() {
    std::vector<std::function<void()>> messages;
    {
        const std::lock_guard lock(mutex_);
        messages.swap(mailbox_);
    }
    for (auto& message : messages) {
        message();
    }
}

void Loop::on_tick(int, short, void* self) noexcept {
    static_cast<Loop*>(self)->refresh_clock();
}

void Loop::on_wake(int fd, short, void* self) noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(fd, &count, sizeof count);
    auto& loop = *static_cast<Loop*>(self);
    loop.refresh_clock();
    loop.outbox_.flush();  // a message may take its time
    loop.read_mailbox();
}

}  // namespace eg::net
