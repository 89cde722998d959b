// The end of a running node: unready, not accepting, without held requests, gone.
#include <algorithm>

#include "proxy/gate/gate.h"

namespace eg::gate {

namespace {

/// From the end of drain_timeout, for connections that end then.
constexpr auto kEndingTime = Milliseconds(2'500);

}  // namespace

void Gate::begin_drain() {
    const std::lock_guard lock(mutex_);
    if (draining_) {
        return;
    }
    draining_ = true;
    drain_ = Drain::announced;
    drain_began_ = std::chrono::steady_clock::now();
    log_->event(log::Level::info, "node", "draining: not ready any more, accepting for another {}",
                print_duration(config_.node.drain_delay));
}

bool Gate::drain_step() {
    const auto now = std::chrono::steady_clock::now();
    std::uint64_t open = 0;
    for (const auto& worker : workers_) {
        open += worker->open_connections();
    }
    switch (drain_) {
        case Drain::none:
            return false;
        case Drain::announced:
            if (now - drain_began_ >= config_.node.drain_delay) {
                drain_ = Drain::finishing;
                drain_began_ = now;
                for (auto& worker : workers_) {
                    worker->post_drain();
                }
            }
            return false;
        case Drain::finishing:
            // The count is refreshed with a delay; give it one before believing it.
            if (open == 0 && now - drain_began_ > Milliseconds(500)) {
                return true;
            }
            end_held_in_time(now);
            if (now - drain_began_ >= config_.node.drain_timeout) {
                log_->event(log::Level::info, "node",
                            "drain_timeout is over: ending {} connections", open);
                drain_ = Drain::ending;
                held_ended_at_ = now;
            }
            return false;
        case Drain::ending:
            return open == 0 || now - held_ended_at_ > kEndingTime;
    }
    return true;
}

void Gate::end_held_in_time(std::chrono::steady_clock::time_point now) {
    const auto over = std::min(config_.node.drain_spread, config_.node.drain_timeout);
    if (held_end_ || now - drain_began_ < config_.node.drain_timeout - over) {
        return;
    }
    held_end_ = true;
    for (auto& worker : workers_) {
        worker->post_end_held(over);
    }
}

}  // namespace eg::gate
