// The relaying part of a ProxyTransaction: body up, answer down, and what becomes of the
// connections.
#include <algorithm>
#include <array>

#include "filters/eas/command.h"
#include "proxy/base/text.h"
#include "proxy/gate/head_edit.h"
#include "proxy/gate/proxy_transaction.h"
#include "proxy/http/write.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr std::uint8_t kInterimAnswers = 16;

/// Whether an answer carries a token of NTLM or Negotiate: from then on the upstream connection
/// belongs to one client. A bare offer of the scheme doesn't bind yet.
bool challenges_connection(const http::ResponseHead& head) {
    return std::any_of(head.fields.begin(), head.fields.end(), [](const http::Field& field) {
        return field.id == http::FieldName::www_authenticate &&
               (istarts_with(field.value, "NTLM ") || istarts_with(field.value, "Negotiate "));
    });
}

}  // namespace

/// False: nothing more can be done now, or the state has changed.
bool ProxyTransaction::send_request() {
    count_body_wait();
    switch (request_.pump(request_source(), request_input(), upstream_->stream())) {
        case Relay::Status::done:
            request_sent();
            return state_ == State::relaying;
        case Relay::Status::wait_source:
            if (is_below_rate(request_.taken())) {
                drop_upstream();
                answer(filters::refuse(Reason::client_timeout, "body"));
                return false;
            }
            wait_for(Waiting::client_body);
            break;
        case Relay::Status::wait_sink:
            wait_for(Waiting::upstream_takes);
            break;
        case Relay::Status::yield:
            connection_.again();
            waiting_ = Waiting::nobody;
            break;
        case Relay::Status::source_ended:
        case Relay::Status::source_failed:
            if (spool_ != nullptr) {
                drop_upstream();
                spool_failed(Spool::Status::failed);
                return false;
            }
            client_vanished();
            return false;
        case Relay::Status::malformed:
            drop_upstream();
            answer(filters::refuse(Reason::malformed, "framing"));
            return false;
        case Relay::Status::too_large:
            drop_upstream();
            answer(filters::refuse(Reason::body_too_large, "limits"));
            return false;
        case Relay::Status::sink_failed:
            // It may have answered before it stopped reading.
            break;
    }
    if (connection_.deadline().passed() && waiting_ != Waiting::nobody) {
        patience_ended();
        return false;
    }
    return true;
}

void ProxyTransaction::request_sent() {
    const auto* facts = filters::eas::facts_of(eas_.command);
    // OPTIONS may carry a command and no device: nothing about it is held.
    // Traveler's push is a long-held request that nothing tells from others.
    const bool may_be_held =
        published_ == filters::Service::traveler ||
        (method_ == http::Method::post && facts != nullptr && facts->may_be_held);
    const auto& limits = service_.instance().limits();
    const auto patience = may_be_held ? limits.held_timeout : limits.upstream_timeout;
    answer_due_ms_ = service_.worker().loop->now_ms() + patience.count();
    asked_ = service_.worker().loop->now();
    waiting_ = Waiting::nobody;
    if (!upstream_->reused() || !request_.can_rewind()) {
        release_request();  // only a reused connection may have died unnoticed
    }
    if (may_be_held && held_.link == nullptr) {
        Slot& slot = service_.slot();
        slot.held.insert(held_);
        slot.metrics->held.add();
        if (slot.bindings != nullptr && eas_.has_device_id) {
            note_held();
        }
        if (HeldIndex::bucket_of(held_) < slot.ending.buckets) {
            end_held(Reason::draining);
        } else if (judged_by_ < slot.settled_version) {
            judge_again();  // the states changed between the verdict and now
        }
    }
}

bool ProxyTransaction::read_answer_head() {
    auto& input = upstream_->input();
    for (;;) {
        auto& head = service_.worker().answer_scratch;
        const http::HeadLimits limits{.bytes = 64 * 1024, .count = 200};
        const auto taken = http::parse_response_head(input.view(), limits, answer_scan_, head);
        if (!taken) {
            upstream_failed(taken.error().what, {});
            return false;
        }
        if (*taken != 0) {
            const bool interim = head.status < 200;
            if (!begin_answer(head)) {
                return false;
            }
            input.consume(*taken);
            answer_scan_ = {};
            if (interim) {
                continue;
            }
            return true;
        }
        const net::IoResult got = upstream_->fill();
        if (got.status == net::IoStatus::ok) {
            fetch_notes_ahead();
            continue;
        }
        if (got.status != net::IoStatus::again) {
            if (input.empty() && interim_answers_ == 0 && retry()) {
                return false;
            }
            upstream_failed("closed before the answer", got);
            return false;
        }
        break;
    }
    if (request_.sink_failed()) {
        if (!retry()) {
            upstream_failed("closed before the request was sent", request_.failure());
        }
        return false;
    }
    const bool blocked = waiting_ == Waiting::upstream_takes;
    if (blocked) {
        connection_.look_for_hang_up();  // nobody reads: the end stays behind what was sent
    }
    if ((request_.done() || blocked) && connection_.hung_up()) {
        client_vanished();
        return false;
    }
    if (!request_.done()) {
        return false;  // send_request() has said whom we wait for
    }
    if (!client_stays()) {
        client_vanished();
        return false;
    }
    wait_for(Waiting::answer);
    if (connection_.hung_up()) {  // parking has found it out
        client_vanished();
    } else if (connection_.deadline().passed()) {
        patience_ended();
    }
    return false;
}

bool ProxyTransaction::client_stays() {
    if (connection_.input().empty()) {
        return connection_.fill() == net::IoStatus::again || !connection_.client_left();
    }
    // The body, kept to be sent again, or what was read ahead: nobody reads on, so the end of the
    // stream shows only as news of the socket.
    if (connection_.has_news()) {
        connection_.look_for_hang_up();
    }
    return true;
}

bool ProxyTransaction::begin_answer(const http::ResponseHead& head) {
    if (head.status == 101 || (head.status < 200 && ++interim_answers_ > kInterimAnswers)) {
        upstream_failed("an interim answer that was not asked for", {});
        return false;
    }
    if (head.status == 100 || (head.status < 200 && http10_)) {
        return true;  // our client had its 100 from us, and HTTP/1.0 knows none
    }
    if (head.status < 200) {
        std::array<char, 8 * 1024> memory;
        const auto length = write_client_head(head, {}, memory);
        const std::string_view text(memory.data(), length.value_or(0));
        // Interim answers are worth a try, not a buffer: either it goes out whole, or the
        // connection ends.
        if (!length || connection_.stream().write({&text, 1}).bytes != text.size()) {
            client_vanished();
            return false;
        }
        answer_sent_ += text.size();
        return true;
    }
    const auto framing = http::response_framing(head, method_);
    if (!framing) {
        upstream_failed(framing.error().what, {});
        return false;
    }
    using Kind = http::Framing::Kind;
    const auto now = service_.worker().loop->now();
    upstream_time_ = std::chrono::duration_cast<std::chrono::microseconds>(now - asked_);
    service_.slot().metrics->upstream_time.record(upstream_time_);
    if (head.status >= 300 && answer_redirect(head)) {
        return false;
    }
    service_.upstream_works();
    answer_begun_ = true;
    status_ = head.status;
    early_answer_ = !request_.done();
    const bool unframed = framing->kind == Kind::until_close || framing->kind == Kind::chunked;
    keep_upstream_ = !early_answer_ && framing->kind != Kind::until_close &&
                     http::keeps_alive(head.fields, head.minor_version);
    keep_client_ =
        keep_client_ && !early_answer_ && !(http10_ && unframed) && !connection_.draining();
    const bool chunked = unframed && !http10_;
    const Kind outward = !unframed ? framing->kind : chunked ? Kind::chunked : Kind::until_close;
    const ResponseEdit edit{.framing = {.kind = outward, .length = framing->length},
                            .close = !keep_client_,
                            .http10 = http10_,
                            .versions = versions_for(head)};
    net::Buffer out(*service_.worker().buffers);
    const auto length = write_client_head(head, edit, out.space());
    if (!length) {
        upstream_failed("an answer that can't be written", {});
        return false;
    }
    out.commit(*length);
    connection_bound_ = connection_bound_ || challenges_connection(head);
    note_sign_in();
    note_user_agent();
    note_refused_credential(head);
    note_binding();
    note_traveler_device();
    leave_held();
    release_request();
    waiting_ = Waiting::nobody;
    body_waited_ms_ = 0;
    response_.start(std::move(out), *framing, Side::upstream, chunked);
    return true;
}

void ProxyTransaction::note_sign_in() {
    if (!claims_.connection_bound) {
        return;
    }
    if (status_ == 401) {
        notes().connection_unreadable |= claims_.unreadable;
        return;
    }
    // From here on the connection itself is the credential: it keeps the name it was signed in
    // with.
    notes().connection_unreadable |= claims_.unreadable;
    if (!claims_.names.empty()) {  // a first NTLM message names nobody yet
        notes().connection_name = claims_.names.front();
    }
}

void ProxyTransaction::note_user_agent() {
    const bool good = status_ >= 200 && status_ < 300 && eas_.has_device_id && !user_agent_.empty();
    if (good && judges_user_agents()) {
        service_.slot().agents->learn(held_.device, user_agent_);
    }
}

bool ProxyTransaction::send_answer() {
    const auto now_ms = service_.worker().loop->now_ms();
    if (waiting_ == Waiting::client_takes) {
        body_waited_ms_ += now_ms - body_wait_began_ms_;
        body_wait_began_ms_ = now_ms;
    }
    switch (response_.pump(upstream_->stream(), upstream_->input(), connection_.stream())) {
        case Relay::Status::done:
            settle_upstream();
            finish();
            return false;
        case Relay::Status::wait_source:
            if (connection_.hung_up()) {
                client_vanished();
                return false;
            }
            wait_for(Waiting::answer_body);
            break;
        case Relay::Status::wait_sink:
            wait_for(Waiting::client_takes);
            if (is_below_rate(response_.written())) {
                patience_ended();
                return false;
            }
            break;
        case Relay::Status::yield:
            connection_.again();
            waiting_ = Waiting::nobody;
            return false;
        case Relay::Status::sink_failed:
            client_vanished();
            return false;
        case Relay::Status::source_ended:
        case Relay::Status::source_failed:
        case Relay::Status::malformed:
        case Relay::Status::too_large:
            // The head is out; only a cut tells the client that the rest is missing.
            verdict_.reason = Reason::upstream_invalid;
            keep_client_ = false;
            drop_upstream();
            finish();
            return false;
    }
    if (connection_.deadline().passed()) {
        patience_ended();
    }
    return false;
}

void ProxyTransaction::settle_upstream() {
    // A name was shown and not accepted: who the mail server takes this connection for is in doubt.
    const bool doubtful = status_ == 401 && claims_.connection_bound && !claims_.names.empty();
    const bool clean = keep_upstream_ && !doubtful && upstream_->input().empty();
    if (!clean) {
        drop_upstream();
        return;
    }
    if (connection_bound_) {
        notes().pin(std::move(upstream_), service_.pool(), connection_.service_pointer());
    } else {
        service_.pool().give_back(std::move(upstream_));
    }
}

bool ProxyTransaction::retry() {
    const auto* facts = filters::eas::facts_of(eas_.command);
    const bool safe =
        (published_ == filters::Service::active_sync && method_ == http::Method::options) ||
        (facts != nullptr && facts->safe_to_repeat);
    if (!upstream_->reused() || connection_bound_ || !safe || !request_.can_rewind()) {
        return false;
    }
    service_.slot().metrics->upstream_retries.add();
    leave_held();  // judged anew, if need be, once it is sent again
    drop_upstream();
    request_.rewind();
    take_upstream(true);
    waiting_ = Waiting::nobody;
    state_ = State::connecting;
    return true;
}

void ProxyTransaction::upstream_failed(const char* what, const net::IoResult& how) {
    service_.upstream_fails(
        describe(Error{what, how.sys_errno, ErrorCode::malformed, Side::upstream}));
    drop_upstream();
    answer(filters::refuse(Reason::upstream_invalid, "upstream"));
}

void ProxyTransaction::client_vanished() {
    verdict_.reason = Reason::client_left;
    keep_client_ = false;
    drop_upstream();
    finish();
}

}  // namespace eg::gate
