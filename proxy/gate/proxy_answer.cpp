// Answers of our own, and the end of a ProxyTransaction.
#include <array>

#include "proxy/base/check.h"
#include "proxy/gate/proxy_transaction.h"
#include "proxy/http/status.h"
#include "proxy/http/write.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr std::uint64_t kShortBody = 64 * 1024;
constexpr std::uint64_t kRetryAfterSeconds = 60;
constexpr std::uint16_t kOk = 200;
constexpr http::Field kPlainText{"Content-Type", "text/plain; charset=utf-8"};
constexpr http::Field kWbxml{"Content-Type", "application/vnd.ms-sync.wbxml"};

}  // namespace

void ProxyTransaction::answer(const filters::Verdict& verdict, http::Field extra) {
    if (!extra.name.empty()) {
        answer_with(verdict, verdict.status, extra, {});
        return;
    }
    const auto document = refusal_document(verdict);
    if (!document.view().empty()) {
        answer_with(verdict, kOk, kWbxml, document.view());
        return;
    }
    answer_with(verdict, verdict.status, kPlainText, http::plain_body(verdict.status));
}

void ProxyTransaction::answer_with(const filters::Verdict& verdict, std::uint16_t status,
                                   http::Field type, std::string_view body) {
    verdict_ = verdict;
    status_ = status;
    const bool before_upstream =
        (state_ == State::peeking || state_ == State::spooling) && !verdict.allowed();
    if (before_upstream &&
        (verdict.status == 400 || verdict.status == 403 || verdict.status == 413)) {
        permitted_ = false;  // refused for its body, of which nothing was sent on
    }
    leave_held();
    // What can't be read, or is cut off, leaves nothing to go on from.
    const bool unsure = !verdict.allowed() && (status_ == 400 || status_ == 408 || status_ == 413 ||
                                               status_ == 417 || status_ == 431);
    const bool body_begun = request_.taken() != 0 || (state_ == State::spooling && !body_.done());
    const bool short_body = framing_.kind == http::Framing::Kind::none || request_.done() ||
                            framing_.kind == http::Framing::Kind::chunked ||
                            framing_.length <= kShortBody;
    // A client that expects 100 may send its body now, or not: nobody can tell what comes next.
    const bool expects =
        expects_continue_ && !request_.done() && framing_.kind != http::Framing::Kind::none;
    keep_client_ = keep_client_ && !unsure && short_body && !expects &&
                   (!body_begun || request_.done()) && !connection_.draining();
    std::array<char, 4096> memory;  // a redirect may take up most of it
    http::HeadWriter writer(memory);
    writer.status_line(status_);
    if (!type.name.empty()) {
        writer.field(type.name, type.value);
    }
    writer.field("Content-Length", body.size());
    writer.field("X-Request-Id", {request_id_.data(), request_id_.size()});
    writer.field("Cache-Control", "no-store");
    if (status_ == 503) {
        writer.field("Retry-After", kRetryAfterSeconds);
    }
    if (!keep_client_) {
        writer.field("Connection", "close");
    } else if (http10_) {
        writer.field("Connection", "keep-alive");
    }
    writer.end();
    EG_CHECK(!writer.failed());
    local_answer_.assign(writer.written());
    if (method_ != http::Method::head) {
        local_answer_ += body;
    }
    answer_sent_ = 0;
    release_request();
    drop_spool();
    connection_.deadline().arm(service_.instance().limits().write_timeout);
    state_ = State::answering;
}

void ProxyTransaction::add_to_answer(std::string_view lines) {
    constexpr std::string_view kLineEnd = "\r\n";
    local_answer_.insert(local_answer_.find(kLineEnd) + kLineEnd.size(), lines);
}

ProxyTransaction::Next ProxyTransaction::write_answer() {
    while (answer_sent_ < local_answer_.size()) {
        const std::string_view rest = std::string_view(local_answer_).substr(answer_sent_);
        const net::IoResult sent = connection_.stream().write({&rest, 1});
        if (sent.status == net::IoStatus::again && !connection_.deadline().passed()) {
            return Next::wait;
        }
        if (sent.status != net::IoStatus::ok) {
            keep_client_ = false;
            finish();
            return Next::again;
        }
        answer_sent_ += sent.bytes;
    }
    if (keep_client_ && !request_.done() && framing_.kind != http::Framing::Kind::none) {
        body_ = http::BodyReader(framing_, Side::client);
        connection_.deadline().arm(service_.instance().limits().body_timeout);
        state_ = State::dropping;
        return Next::again;
    }
    finish();
    return Next::again;
}

void ProxyTransaction::finish() {
    state_ = State::done;
    leave_held();
    drop_spool();
    log_access();
}

void ProxyTransaction::leave_held() {
    if (held_.link != nullptr) {
        service_.slot().held.erase(held_);
        service_.slot().metrics->held.subtract();
        if (service_.slot().bindings != nullptr && eas_.has_device_id) {
            note_released();
        }
    }
}

void ProxyTransaction::log_access() {
    if (logged_) {
        return;
    }
    logged_ = true;
    auto& worker = service_.worker();
    auto& slot = service_.slot();
    const auto now = std::chrono::steady_clock::now();
    const auto total = std::chrono::duration_cast<std::chrono::microseconds>(now - began_);
    const std::uint64_t out = answer_begun_ ? response_.written() : answer_sent_;
    // Observe mode: allowed, with the reason that would have refused. What was refused after all,
    // by its body, says so.
    const bool refused_late = verdict_.status == 400 || verdict_.status == 403;
    const bool observed = permitted_ && observed_ != Reason::none && !refused_late;
    const Reason why = observed ? observed_ : verdict_.reason;
    slot.metrics->count_request(permitted_, why);
    slot.metrics->request_time.record(total);
    slot.metrics->client_bytes_in.add(request_.taken() + dropped_bytes_);
    slot.metrics->client_bytes_out.add(out);
    slot.metrics->upstream_bytes_out.add(request_.written());
    slot.metrics->upstream_bytes_in.add(response_.taken());
    const std::string_view user = claims_.names.empty() ? std::string_view(eas_.user)
                                                        : std::string_view(claims_.names.front());
    const std::string_view protocol = filters::eas::version_text(eas_.protocol_version);
    const std::string_view command = published_ == filters::Service::active_sync
                                         ? filters::eas::name_of(eas_.command)
                                         : filters::name_of(published_);
    const std::string_view reason =
        why == Reason::none ? std::string_view() : filters::to_string(why);
    if (eas_.has_device_id) {
        slot.sightings.note(held_.device,
                            {.id = eas_.device_id,
                             .user = user,
                             .user_agent = user_agent_,
                             .device_type = eas_.device_type,
                             .protocol = protocol,
                             .reason = permitted_ && !observed ? std::string_view() : reason,
                             .at = began_wall_,
                             .observed = observed});
    }
    // Whom the mail server turns away is cut off already; and strangers fill no table.
    if (slot.cut_offs != nullptr && permitted_ && status_ >= 200 && status_ < 300) {
        slot.cut_offs->note({.user = user,
                             .device_id = eas_.device_id,
                             .user_agent = user_agent_,
                             .reason = observed ? reason : std::string_view(),
                             .at = began_wall_});
    }
    if (!worker.log_access) {
        return;
    }
    worker.access->access({.begin = began_wall_,
                           .instance = slot.name,
                           .request_id = {request_id_.data(), request_id_.size()},
                           .client = connection_.peer().address,
                           .user = user,
                           .device_id = eas_.device_id,
                           .device_type = eas_.device_type,
                           .command = command,
                           .protocol = protocol,
                           .user_agent = user_agent_,
                           .allowed = permitted_,
                           .reason = reason,
                           .status = status_,
                           .bytes_in = request_.taken() + dropped_bytes_,
                           .bytes_out = out,
                           .total = total,
                           .upstream = upstream_time_});
}

}  // namespace eg::gate
