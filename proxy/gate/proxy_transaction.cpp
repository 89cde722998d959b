#include "proxy/gate/proxy_transaction.h"

#include <algorithm>
#include <new>
#include <vector>

#include "filters/eas/root.h"
#include "proxy/base/check.h"
#include "proxy/server/worker.h"

namespace eg::gate {

using filters::Reason;

// The life of a proxied request.
const std::array<ProxyTransaction::Step, 8> ProxyTransaction::kSteps{{
    {State::judging, "judging", &ProxyTransaction::judging},       // within begin()
    {State::peeking, "peeking", &ProxyTransaction::peek_at_body},  // the root element must fit
    {State::spooling, "spooling", &ProxyTransaction::spool_body},  // until its length is known
    {State::connecting, "connecting", &ProxyTransaction::connect_upstream},
    {State::relaying, "relaying", &ProxyTransaction::relay_both_ways},  // body up, answer down
    {State::answering, "answering", &ProxyTransaction::write_answer},   // an answer of our own
    {State::dropping, "dropping", &ProxyTransaction::drop_body},  // the rest of a refused body
    {State::done, "done", &ProxyTransaction::rest},
}};

namespace {

constexpr auto kParkAfter = Milliseconds(1'000);
constexpr auto kRateGrace = Milliseconds(10'000);
constexpr std::uint64_t kDroppedBody = 64 * 1024;

/// How long a peer that has waited `waited_ms` in all may go on without another byte until it is
/// below `rate` bytes a second (0 = none). The kernel's buffers may take nothing for minutes, so
/// that no event would tell.
Milliseconds until_below(std::uint64_t rate, std::uint64_t bytes, std::int64_t waited_ms) {
    if (rate == 0) {
        return Milliseconds::max();
    }
    const auto allowed =
        kRateGrace + Milliseconds(static_cast<std::int64_t>(bytes * 1000 / rate) + 1);
    return std::max(allowed - Milliseconds(waited_ms), Milliseconds(1));
}

// Memory of ended transactions. A thread's own, and without a lock.
struct SpareMemory {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static constexpr std::size_t kMost = 0;  // a use after the end must show
#else
    static constexpr std::size_t kMost = 256;
#endif
    SpareMemory() { blocks.reserve(kMost); }
    SpareMemory(const SpareMemory&) = delete;
    SpareMemory& operator=(const SpareMemory&) = delete;
    ~SpareMemory() {
        for (void* block : blocks) {
            ::operator delete(block);
        }
    }
    std::vector<void*> blocks;
};

SpareMemory& spare_memory() {
    thread_local SpareMemory memory;
    return memory;
}

}  // namespace

void* ProxyTransaction::operator new(std::size_t bytes) {
    EG_CHECK(bytes == sizeof(ProxyTransaction));
    auto& blocks = spare_memory().blocks;
    if (blocks.empty()) {
        return ::operator new(bytes);
    }
    void* block = blocks.back();
    blocks.pop_back();
    return block;
}

void ProxyTransaction::operator delete(void* memory) noexcept {
    auto& spare = spare_memory();
    if (spare.blocks.size() == SpareMemory::kMost) {
        ::operator delete(memory);
        return;
    }
    spare.blocks.push_back(memory);
}

ProxyTransaction::ProxyTransaction(ProxyService& service, server::Connection& connection)
    : service_(service),
      connection_(connection),
      request_(*service.worker().buffers),
      response_(*service.worker().buffers),
      upstream_head_(*service.worker().buffers) {
    held_.transaction = this;
    began_ = service.worker().loop->now();
}

ProxyTransaction::~ProxyTransaction() {
    drop_upstream();
    leave_held();
    drop_spool();
    if (!logged_) {
        if (verdict_.allowed()) {
            verdict_.reason = Reason::client_left;
        }
        log_access();
    }
}

void ProxyTransaction::advance() {
    for (;;) {
        const Step& step = kSteps[static_cast<std::size_t>(state_)];
        EG_CHECK(step.state == state_);
        if ((this->*step.run)() == Next::wait) {
            return;
        }
    }
}

ProxyTransaction::Next ProxyTransaction::peek_at_body() {
    if (look_ != nullptr) {
        return look_at_body();
    }
    std::array<char, filters::eas::kRootBytes> start;
    std::size_t have = 0;
    // A look only: the reader is a copy, the input stays as it is.
    http::BodyReader reader = body_;
    std::string_view input = connection_.input().view();
    while (have < start.size()) {
        const auto piece = reader.next(input);
        if (!piece) {
            answer(filters::refuse(Reason::malformed, "framing"));
            return Next::again;
        }
        const std::size_t used = std::min(piece->data.size(), start.size() - have);
        std::copy_n(piece->data.begin(), used, start.begin() + static_cast<std::ptrdiff_t>(have));
        have += used;
        input.remove_prefix(piece->consumed);
        if (piece->consumed == 0) {
            break;
        }
    }
    const bool whole = reader.done();
    const auto check = filters::eas::check_body_start(eas_, {start.data(), have});
    if ((whole && have == 0) || check == filters::eas::RootCheck::matches) {
        if (eas_.command == filters::eas::Command::sync) {
            note_waiting_sync();
        }
        state_ = spools() ? State::spooling : State::connecting;
        return Next::again;
    }
    if (check != filters::eas::RootCheck::need_more || whole) {
        answer(filters::refuse(
            check == filters::eas::RootCheck::differs ? Reason::body_root : Reason::bad_request,
            "body"));
        return Next::again;
    }
    return read_more_body();
}

ProxyTransaction::Next ProxyTransaction::read_more_body() {
    if (connection_.fill() == net::IoStatus::ok) {
        return Next::again;
    }
    if (connection_.client_left()) {
        client_vanished();
        return Next::again;
    }
    if (connection_.deadline().passed()) {
        answer(filters::refuse(Reason::client_timeout, "body"));
        return Next::again;
    }
    return Next::wait;
}

ProxyTransaction::Next ProxyTransaction::connect_upstream() {
    if (upstream_ == nullptr) {
        take_upstream(false);
    }
    switch (upstream_->connect()) {
        case net::Connector::Progress::waiting:
            if (connection_.hung_up()) {
                client_vanished();
                return Next::again;
            }
            return Next::wait;
        case net::Connector::Progress::failed: {
            service_.slot().metrics->upstream_connect_failures.add();
            service_.upstream_fails(upstream_->connect_detail());
            drop_upstream();
            answer(filters::refuse(Reason::upstream_unreachable, "upstream"));
            return Next::again;
        }
        case net::Connector::Progress::ready:
            break;
    }
    if (!request_.started() && !upstream_head_.empty()) {
        const bool chunked = framing_.kind == http::Framing::Kind::chunked;
        const http::Framing spooled{.kind = http::Framing::Kind::length,
                                    .length = spool_ != nullptr ? spool_->size() : 0};
        request_.start(std::move(upstream_head_), spool_ != nullptr ? spooled : framing_,
                       Side::client, chunked);
        request_.set_most(most_body());
    }
    asked_ = service_.worker().loop->now();
    state_ = State::relaying;
    return Next::again;
}

void ProxyTransaction::take_upstream(bool fresh) {
    auto& slot = service_.slot();
    upstream_ = fresh ? nullptr : notes().take_pinned();
    if (upstream_ != nullptr) {
        upstream_->lend_to(connection_);
        connection_bound_ = true;  // stays bound to this client, whatever the next request says
    } else {
        upstream_ =
            fresh ? service_.pool().take_new(connection_) : service_.pool().take(connection_);
    }
    if (upstream_->reused()) {
        slot.metrics->upstream_reuses.add();
    } else {
        slot.metrics->upstream_connects.add();
    }
}

void ProxyTransaction::drop_upstream() {
    if (upstream_ != nullptr) {
        service_.pool().discard(std::move(upstream_));
    }
}

ProxyTransaction::Next ProxyTransaction::relay_both_ways() {
    if (!request_.done() && !early_answer_ && !send_request()) {
        return state_ == State::relaying ? Next::wait : Next::again;
    }
    if (!answer_begun_ && !read_answer_head()) {
        return state_ == State::relaying ? Next::wait : Next::again;
    }
    if (answer_begun_ && !send_answer()) {
        return state_ == State::relaying ? Next::wait : Next::again;
    }
    return Next::again;
}

void ProxyTransaction::wait_for(Waiting whom) {
    const auto& limits = service_.instance().limits();
    auto& deadline = connection_.deadline();
    const auto now_ms = service_.worker().loop->now_ms();
    const bool same = waiting_ == whom;
    waiting_ = whom;
    const std::uint64_t progress = request_.taken() + request_.written() + response_.written();
    const bool moved = !same || progress != progress_;
    progress_ = progress;
    switch (whom) {
        case Waiting::client_body:
            body_wait_began_ms_ = now_ms;
            if (moved) {
                deadline.arm(limits.body_timeout);
            }
            break;
        case Waiting::answer: {
            if (same && !deadline.passed()) {
                break;
            }
            if (!same && is_long_wait()) {
                // At once, so that in a burst the memory of one serves the next. What comes after
                // the handshake (tickets) fills buffers again; the look after kParkAfter ends that.
                upstream_->park();
                connection_.park();
            } else if (same && !parked_) {
                park();
            }
            const Milliseconds left(std::max<std::int64_t>(answer_due_ms_ - now_ms, 0));
            deadline.arm(parked_ ? left : std::min(left, kParkAfter));
            break;
        }
        case Waiting::upstream_takes:
        case Waiting::answer_body:
            if (moved) {
                deadline.arm(limits.upstream_timeout);
            }
            break;
        case Waiting::client_takes:
            body_wait_began_ms_ = now_ms;
            if (moved) {
                deadline.arm(std::min(
                    limits.write_timeout,
                    until_below(limits.body_rate.count, response_.written(), body_waited_ms_)));
            }
            break;
        case Waiting::nobody:
            break;
    }
}

bool ProxyTransaction::is_below_rate(std::uint64_t bytes) const {
    const auto rate = service_.instance().limits().body_rate.count;
    const auto beyond = body_waited_ms_ - kRateGrace.count();
    return rate != 0 && beyond > 0 && bytes * 1000 < rate * static_cast<std::uint64_t>(beyond);
}

void ProxyTransaction::count_body_wait() {
    if (waiting_ == Waiting::client_body) {
        const auto now_ms = service_.worker().loop->now_ms();
        body_waited_ms_ += now_ms - body_wait_began_ms_;
        body_wait_began_ms_ = now_ms;
    }
}

void ProxyTransaction::patience_ended() {
    switch (waiting_) {
        case Waiting::client_body:
            drop_upstream();
            answer(filters::refuse(Reason::client_timeout, "body"));
            break;
        case Waiting::upstream_takes:
        case Waiting::answer:
            service_.upstream_fails("the mail server is silent past its limit");
            drop_upstream();
            answer(filters::refuse(Reason::upstream_silent, "upstream"));
            break;
        case Waiting::answer_body:
            verdict_.reason = Reason::upstream_silent;
            keep_client_ = false;
            drop_upstream();
            finish();
            break;
        case Waiting::client_takes:
            verdict_.reason = Reason::client_timeout;
            keep_client_ = false;
            drop_upstream();
            finish();
            break;
        case Waiting::nobody:
            break;
    }
}

bool ProxyTransaction::is_long_wait() const {
    return eas_.command == filters::eas::Command::ping && held_.link != nullptr;
}

void ProxyTransaction::park() {
    parked_ = true;
    release_request();
    upstream_->park();
    connection_.park();
}

ClientNotes& ProxyTransaction::notes() {
    auto& notes = connection_.notes();
    if (notes == nullptr) {
        notes = std::make_unique<ClientNotes>(connection_.service_pointer());
    }
    // Only the gate's services make notes for their connections.
    return static_cast<ClientNotes&>(*notes);
}

ProxyTransaction::Next ProxyTransaction::drop_body() {
    for (;;) {
        auto& input = connection_.input();
        const auto piece = body_.next(input.view());
        if (!piece) {
            keep_client_ = false;
            finish();
            return Next::again;
        }
        input.consume(piece->consumed);
        dropped_bytes_ += piece->consumed;
        if (body_.done()) {
            finish();
            return Next::again;
        }
        if (dropped_bytes_ > kDroppedBody) {
            keep_client_ = false;
            finish();
            return Next::again;
        }
        if (piece->consumed != 0) {
            continue;
        }
        const auto status = connection_.fill();
        if (status == net::IoStatus::again && !connection_.deadline().passed()) {
            return Next::wait;
        }
        if (status != net::IoStatus::ok) {
            keep_client_ = false;
            finish();
            return Next::again;
        }
    }
}

}  // namespace eg::gate
