// How clients of ActiveSync are told: the ends of held requests, refusals, the versions on offer.
#include <string_view>

#include "filters/eas/waiting_sync.h"
#include "filters/status_answer.h"
#include "proxy/gate/head_edit.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;
using filters::eas::Command;
using filters::eas::StatusDocument;

namespace {

constexpr std::uint16_t kOk = 200;
constexpr std::uint16_t kNothingNew = 1;  // of Ping, in every version ([MS-ASCMD] 2.2.3.177.11)
constexpr http::Field kWbxml{"Content-Type", "application/vnd.ms-sync.wbxml"};

}  // namespace

void ProxyTransaction::note_waiting_sync() {
    // What of the body is at hand, and mostly all of it is. Nothing is kept to look at more.
    filters::eas::WaitingSyncReader sync;
    http::BodyReader reader = body_;
    std::string_view input = connection_.input().view();
    while (!reader.done()) {
        const auto piece = reader.next(input);
        if (!piece || piece->consumed == 0) {
            return;
        }
        sync.feed(piece->data);
        input.remove_prefix(piece->consumed);
    }
    waiting_sync_ = sync.waits();
}

bool ProxyTransaction::ends_empty() const {
    return eas_.command == Command::sync &&
           eas_.protocol_version >= filters::eas::kFirstWaitingSync &&
           (request_.taken() == 0 || waiting_sync_);
}

void ProxyTransaction::end_held(Reason reason) {
    if (answer_begun_ || state_ != State::relaying) {
        return;
    }
    drop_upstream();
    const filters::Verdict verdict = filters::refuse(reason, "change");
    const bool is_active_sync = published_ == filters::Service::active_sync;
    if (is_active_sync && eas_.command == Command::ping) {
        answer_with(verdict, kOk, kWbxml, StatusDocument(Command::ping, kNothingNew).view());
    } else if (is_active_sync && ends_empty()) {
        answer_with(verdict, kOk, {}, {});
    } else {
        answer(verdict);
    }
    connection_.advance();
}

StatusDocument ProxyTransaction::refusal_document(const filters::Verdict& verdict) const {
    const bool in_wbxml =
        service_.instance().settings().refusal_answer == config::RefusalAnswer::activesync &&
        published_ == filters::Service::active_sync && method_ == http::Method::post;
    return in_wbxml ? filters::refusal_document(eas_, verdict) : StatusDocument(Command::none, 0);
}

const filters::eas::VersionSet* ProxyTransaction::versions_for(const http::ResponseHead& head) {
    const auto& versions = service_.instance().rules().versions;
    if (versions.is_every() || published_ != filters::Service::active_sync) {
        return nullptr;
    }
    const http::Field* offered = offered_versions(head);
    if (offered != nullptr && versions.narrow(offered->value).empty()) {
        service_.offers_no_version(offered->value);
    }
    return &versions;
}

}  // namespace eg::gate
