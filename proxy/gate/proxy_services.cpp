// What a ProxyTransaction does for EWS and Traveler only.
#include "filters/traveler/request.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr unsigned kPiecesPerTurn = 32;  // of a body, before others get their turn

}  // namespace

ProxyTransaction::Next ProxyTransaction::peek_at_soap() {
    if (ews_ == nullptr) {
        ews_ = std::make_unique<EwsBody>(
            EwsBody{.judge = filters::ews::SoapJudge(service_.instance().rules().push_hosts),
                    .reader = body_});
    }
    const filters::Verdict verdict = judge_soap();
    if (!verdict.allowed()) {
        ews_.reset();
        answer(verdict);
        return Next::again;
    }
    if (ews_->reader.done()) {
        ews_.reset();
        state_ = State::connecting;
        return Next::again;
    }
    if (connection_.input().space().empty()) {
        answer(filters::refuse(Reason::ews, "ews"));  // much framing around a small body
        return Next::again;
    }
    if (++ews_->pieces % kPiecesPerTurn == 0) {
        connection_.again();
        return Next::wait;
    }
    return read_more_body();
}

filters::Verdict ProxyTransaction::judge_soap() {
    if (framing_.length > filters::ews::kMostBodyBytes) {
        return filters::refuse(Reason::ews, "ews");
    }
    std::string_view input = connection_.input().view().substr(ews_->consumed);
    while (!ews_->reader.done()) {
        const auto piece = ews_->reader.next(input);
        if (!piece) {
            return filters::refuse(Reason::malformed, "framing");
        }
        ews_->consumed += piece->consumed;
        ews_->bytes += piece->data.size();
        if (const Reason reason = ews_->judge.feed(piece->data); reason != Reason::none) {
            return filters::refuse(reason, "ews");
        }
        input.remove_prefix(piece->consumed);
        if (piece->consumed == 0) {
            return {};
        }
    }
    if (ews_->bytes == 0) {
        return claims_.connection_bound ? filters::Verdict() : filters::refuse(Reason::ews, "ews");
    }
    const Reason reason = ews_->judge.finish();
    return reason == Reason::none ? filters::Verdict() : filters::refuse(reason, "ews");
}

void ProxyTransaction::count_unidentified(const filters::Verdict& verdict) {
    if (published_ != filters::Service::traveler || eas_.has_device_id) {
        return;
    }
    auto& metrics = *service_.slot().metrics;
    if (verdict.allowed()) {
        metrics.traveler_forwarded.add();
    } else if (verdict.reason == Reason::traveler_unidentified) {
        metrics.traveler_refused.add();
    }
}

void ProxyTransaction::note_traveler_device() {
    const auto& rules = service_.instance().rules();
    const bool tells = published_ == filters::Service::traveler && eas_.has_device_id &&
                       status_ >= 200 && status_ < 300 && !claims_.names.empty();
    if (tells && rules.traveler_unidentified == config::TravelerUnidentified::learned) {
        service_.slot().traveler_devices->learn(
            claims_.names.front(), filters::traveler::agent_family(user_agent_), eas_.device_id);
    }
}

}  // namespace eg::gate
