// Bodies of unknown length that a ProxyTransaction keeps until it knows their length.
#include <cstring>
#include <utility>

#include "proxy/gate/proxy_transaction.h"
#include "proxy/http/write.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr unsigned kPiecesPerTurn = 1024;  // of a body, before others get their turn

}  // namespace

bool ProxyTransaction::spools() const {
    return framing_.kind == http::Framing::Kind::chunked &&
           service_.instance().settings().upstream_chunked == config::UpstreamChunked::length &&
           !answers_autodiscover();
}

ProxyTransaction::Next ProxyTransaction::spool_body() {
    if (spool_ == nullptr) {
        const auto& limits = service_.instance().limits();
        spool_ = std::make_unique<Spool>(*service_.worker().spool_space, held_.device,
                                         SpoolLimits{.memory = limits.spool_memory.count,
                                                     .body = most_spooled(),
                                                     .total = limits.spool_total.count},
                                         service_.instance().spool_directory(),
                                         *service_.worker().buffers);
        connection_.deadline().arm(limits.body_timeout);
    }
    count_body_wait();
    auto& input = connection_.input();
    unsigned pieces = 0;
    while (!body_.done()) {
        const auto piece = body_.next(input.view());
        if (!piece) {
            answer(filters::refuse(Reason::malformed, "framing"));
            return Next::again;
        }
        if (const auto status = spool_->append(piece->data); status != Spool::Status::ok) {
            spool_failed(status);
            return Next::again;
        }
        input.consume(piece->consumed);
        if (++pieces == kPiecesPerTurn) {
            connection_.again();
            return Next::wait;
        }
        if (piece->consumed != 0) {
            continue;
        }
        if (is_below_rate(spool_->size())) {
            answer(filters::refuse(Reason::client_timeout, "body"));
            return Next::again;
        }
        const Next next = read_more_body();
        if (next == Next::again && state_ == State::spooling) {
            connection_.deadline().arm(service_.instance().limits().body_timeout);
            continue;
        }
        if (next == Next::wait) {
            input.release_if_empty();
            waiting_ = Waiting::client_body;
            body_wait_began_ms_ = service_.worker().loop->now_ms();
        }
        return next;
    }
    body_is_spooled();
    return Next::again;
}

void ProxyTransaction::body_is_spooled() {
    waiting_ = Waiting::nobody;
    if (const auto status = spool_->finish(); status != Spool::Status::ok) {
        spool_failed(status);
        return;
    }
    // It may have taken long: what counts is what is in force now.
    Slot& slot = service_.slot();
    const auto age = slot.age(service_.worker().loop->now_ms());
    Reason reason = Reason::none;
    if (age != filters::StateAge::fresh) {
        reason = age == filters::StateAge::stale ? Reason::states_stale : Reason::states_missing;
    } else if (slot.states_version != judged_by_) {
        reason = judge_states(slot.table.get(), slot.states_version);
    }
    framing_ = {};  // nothing of it is left to come
    if (reason != Reason::none) {
        permitted_ = false;
        answer(filters::refuse(reason, "change"));
        return;
    }
    http::HeadWriter end(upstream_head_.space());
    end.field("Content-Length", spool_->size());
    end.end();
    if (end.failed()) {
        answer(filters::refuse(Reason::header_too_large, "limits"));
        return;
    }
    upstream_head_.commit(end.written().size());
    slot.metrics->spooled.add();
    if (spool_->in_file()) {
        slot.metrics->spooled_files.add();
    }
    state_ = State::connecting;
}

void ProxyTransaction::spool_failed(Spool::Status status) {
    Reason reason = Reason::overloaded;
    if (status == Spool::Status::too_large) {
        reason = Reason::body_too_large;
    } else if (status == Spool::Status::failed) {
        service_.worker().log->event(log::Level::warning, "spool",
                                     "instance {}: a body can't be kept in {}: {}",
                                     service_.slot().name, service_.instance().spool_directory(),
                                     std::strerror(spool_->failure()));
    }
    answer(filters::refuse(reason, "spool"));
}

void ProxyTransaction::drop_spool() {
    if (spool_ == nullptr) {
        return;
    }
    if (!request_.done()) {
        dropped_bytes_ += spool_->size() - request_.taken();
    }
    spool_.reset();
}

void ProxyTransaction::release_request() {
    request_.release(request_input());
    if (request_.done()) {
        spool_.reset();  // others have use for the room while the answer is awaited
    }
}

}  // namespace eg::gate
