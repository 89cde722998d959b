#include "bench/load/crowd.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "bench/load/arguments.h"

namespace eg::bench {

namespace {

using Mode = CrowdSettings::Mode;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMostHeads = 20'000;
constexpr std::size_t kOpening = 32;  // connections that are being made at a time
constexpr std::uint64_t kPatience = 60 * kSecond;

}  // namespace

/// Wakes the crowd of a fixed rate at its due times; epoll's own milliseconds are too coarse.
class Crowd::Ticker final : public Handler {
  public:
    Ticker(Poller& poller, Crowd& crowd)
        : crowd_(crowd), fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
        poller.add(fd_, *this, EPOLLIN);
    }
    ~Ticker() override { ::close(fd_); }

    void set(std::uint64_t at_ns) const {
        itimerspec when{};
        when.it_value.tv_sec = static_cast<time_t>(at_ns / kSecond);
        when.it_value.tv_nsec = static_cast<long>(at_ns % kSecond);
        timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr);
    }
    void ready(std::uint32_t) override {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
        crowd_.due();
    }

  private:
    Crowd& crowd_;
    int fd_;
};

Crowd::Crowd(const CrowdSettings& settings, SSL_CTX* tls)
    : settings_(settings),
      body_(request_body(settings.request.command, settings.request.body_bytes)) {
    settings_.request.body_bytes = body_.size();
    const std::uint64_t count = std::min(settings_.devices, kMostHeads);
    for (std::uint64_t i = 0; i < count; ++i) {
        // A fixed stride through the table, in an order that no cache likes.
        const std::uint64_t device = (i * 7919) % count * (settings_.devices / count);
        heads_.push_back(request_head(settings_.request, settings_.first_device + device));
    }
    ticker_ = std::make_unique<Ticker>(poller_, *this);
    for (std::size_t i = 0; i < settings_.connections; ++i) {
        phones_.push_back(std::make_unique<Phone>(poller_, *this, settings_.port, tls));
    }
}

Crowd::~Crowd() = default;

void Crowd::warm_up() {
    const bool holds = settings_.mode == Mode::hold;
    start_part(holds ? 0 : settings_.warm_seconds, 0);
    while (opened_ < std::min(kOpening, phones_.size())) {
        open(*phones_[opened_++]);
    }
    const std::uint64_t give_up = now_ns() + kPatience;
    while (standing_ < phones_.size() && settings_.mode != Mode::reconnect) {
        poller_.turn(100);
        if (now_ns() > give_up) {
            fail("the connections don't come to stand");
        }
    }
    if (settings_.mode == Mode::rate) {
        start_part(settings_.warm_seconds, 0);
        due();
    }
    if (!holds) {
        run_part();
        if (result_.lost + result_.wrong_status != 0) {
            fail("the warm-up had lost connections or wrong answers");
        }
    }
}

CrowdResult Crowd::go() {
    const std::uint64_t begin = now_ns();
    result_ = {};
    if (settings_.mode == Mode::hold) {
        most_ = begun_;
        active_ = begun_;
    } else {
        start_part(settings_.seconds, settings_.most);
        idle_.clear();
        for (const auto& phone : phones_) {
            next(*phone);
        }
        if (settings_.mode == Mode::rate) {
            due();
        }
    }
    run_part();
    result_.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    for (const auto& phone : phones_) {
        result_.bytes_in += phone->bytes_in();
    }
    std::sort(result_.latency_us.begin(), result_.latency_us.end());
    return result_;
}

void Crowd::start_part(double seconds, std::uint64_t most) {
    begun_ = 0;
    most_ = most;
    next_due_ns_ = now_ns();
    end_ns_ = next_due_ns_ + static_cast<std::uint64_t>(seconds * 1e9);
}

/// Until the time is over and the last answer has come.
void Crowd::run_part() {
    const std::uint64_t give_up = std::max(end_ns_, now_ns()) + kPatience;
    while (active_ != 0 || !over() || !backlog_.empty()) {
        poller_.turn(10);
        if (now_ns() > give_up) {
            fail("answers are missing");
        }
    }
}

bool Crowd::over() const {
    return (most_ != 0 && begun_ >= most_) || now_ns() >= end_ns_;
}

void Crowd::next(Phone& phone) {
    if (settings_.mode == Mode::rate) {
        if (backlog_.empty()) {
            idle_.push_back(&phone);
        } else {
            const std::uint64_t due_ns = backlog_.front();
            backlog_.pop_front();
            ask(phone, due_ns);
        }
        return;
    }
    if (over()) {
        return;
    }
    if (settings_.mode == Mode::reconnect) {
        open(phone);
    } else {
        ask(phone, now_ns());
    }
}

void Crowd::open(Phone& phone) {
    if (settings_.mode == Mode::reconnect) {
        ++begun_;
        ++active_;
    }
    phone.connect();
}

void Crowd::ask(Phone& phone, std::uint64_t due_ns) {
    if (settings_.mode != Mode::reconnect) {
        ++begun_;
        ++active_;
    }
    next_head_ = (next_head_ + 1) % heads_.size();
    phone.ask(heads_[next_head_], body_, due_ns);
}

void Crowd::due() {
    const std::uint64_t now = now_ns();
    while (next_due_ns_ <= now && next_due_ns_ < end_ns_) {
        if (idle_.empty()) {
            backlog_.push_back(next_due_ns_);
        } else {
            Phone& phone = *idle_.back();
            idle_.pop_back();
            ask(phone, next_due_ns_);
        }
        next_due_ns_ += kSecond / settings_.per_second;
    }
    if (next_due_ns_ < end_ns_) {
        ticker_->set(next_due_ns_);
    }
}

void Crowd::connected(Phone& phone) {
    ++standing_;
    if (opened_ < phones_.size()) {
        open(*phones_[opened_++]);
    }
    if (settings_.mode == Mode::reconnect) {
        result_.resumed += phone.resumed() ? 1U : 0U;
        ask(phone, now_ns());
    } else if (settings_.mode == Mode::hold) {
        ask(phone, now_ns());
    } else if (settings_.mode == Mode::keep) {
        next(phone);
    } else {
        idle_.push_back(&phone);
    }
}

void Crowd::answered(Phone& phone, int status) {
    --active_;
    ++result_.requests;
    result_.wrong_status += status == settings_.expected_status ? 0U : 1U;
    const std::uint64_t taken_us = (now_ns() - phone.due_ns()) / 1000;
    result_.latency_us.push_back(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(taken_us, 0xFFFFFFFF)));
    if (settings_.mode == Mode::reconnect) {
        TicketPtr ticket = phone.take_ticket();
        phone.close();
        if (settings_.resume) {
            phone.resume_with(std::move(ticket));
        }
    }
    if (settings_.mode != Mode::hold) {
        next(phone);
    }
}

void Crowd::lost(Phone& phone) {
    ++result_.lost;
    if (result_.lost > 100) {
        fail("too many connections are lost");
    }
    if (active_ != 0) {
        --active_;
    }
    if (settings_.mode == Mode::keep || settings_.mode == Mode::rate) {
        --standing_;
        phone.connect();
    }
}

}  // namespace eg::bench
