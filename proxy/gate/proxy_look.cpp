// Bodies that a ProxyTransaction judges whole before anything is sent on: EWS, look-ups that might
// leave the mailbox, Autodiscover where it is answered here.
#include <string>
#include <utility>

#include "filters/autodiscover_filter.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr unsigned kLooksPerTurn = 32;  // at a body, before others get their turn

}  // namespace

bool ProxyTransaction::looks_up() const {
    return published_ == filters::Service::active_sync &&
           filters::eas::may_look_up_documents(eas_.command) &&
           !service_.instance().rules().document_lookups;
}

bool ProxyTransaction::answers_autodiscover() const {
    return published_ == filters::Service::autodiscover &&
           service_.instance().rules().answers_autodiscover;
}

void ProxyTransaction::begin_look() {
    const auto begin = [this](BodyLook::Judge judge, const char* name, Reason too_long) {
        look_ = std::make_unique<BodyLook>(std::move(judge), name, too_long, body_);
    };
    if (published_ == filters::Service::ews) {
        begin(filters::ews::SoapJudge(service_.instance().rules().push_hosts), "ews", Reason::ews);
    } else if (answers_autodiscover()) {
        begin(filters::autodiscover::RequestReader(), "autodiscover", Reason::body_too_large);
    } else if (looks_up()) {
        begin(filters::eas::LookupJudge(eas_.command), "body", Reason::body_too_large);
    }
}

ProxyTransaction::Next ProxyTransaction::look_at_body() {
    BodyLook& look = *look_;
    filters::Verdict verdict =
        framing_.length > kMostLookedAt ? look.too_long() : look.look(connection_.input().view());
    if (verdict.allowed() && look.done() && look.bytes() == 0 &&
        published_ == filters::Service::ews && !claims_.connection_bound) {
        verdict = filters::refuse(Reason::ews, "ews");
    }
    if (verdict.allowed() && !look.done() && connection_.input().space().empty()) {
        verdict = look.too_long();  // much framing around a small body
    }
    if (!verdict.allowed()) {
        look_.reset();
        answer(verdict);
        return Next::again;
    }
    if (look.done()) {
        const auto judged = std::move(look_);
        if (const auto* request =
                std::get_if<filters::autodiscover::RequestReader>(&judged->judge())) {
            const std::string url = std::move(local_answer_);
            answer_autodiscover(
                filters::autodiscover::answer_xml(request->asked(), request->address(), url));
        } else {
            state_ = spools() ? State::spooling : State::connecting;
        }
        return Next::again;
    }
    if (look.looks() % kLooksPerTurn == 0) {
        connection_.again();
        return Next::wait;
    }
    return read_more_body();
}

void ProxyTransaction::answer_autodiscover_head(const http::RequestHead& head) {
    namespace autodiscover = filters::autodiscover;
    std::string url = service_.instance().settings().public_url;
    if (url.empty()) {
        url.append(connection_.is_tls() ? "https://" : "http://").append(head.host);
    }
    if (head.host.empty() && service_.instance().settings().public_url.empty()) {
        answer(filters::refuse(Reason::bad_request, "autodiscover"));  // HTTP/1.0 names no host
    } else if (filters::is_autodiscover_json(head.path)) {
        answer_autodiscover(autodiscover::answer_json(
            autodiscover::read_query(head.query).value_or(autodiscover::Query()), url));
    } else if (needs_peek()) {
        local_answer_ = std::move(url);
    } else {
        answer_autodiscover(autodiscover::answer_xml(autodiscover::Asked::nothing, {}, url));
    }
}

void ProxyTransaction::answer_autodiscover(const filters::autodiscover::Answer& document) {
    service_.slot().metrics->autodiscover_answered.add();
    answer_with({.reason = Reason::none, .status = document.status, .filter = ""}, document.status,
                {.name = "Content-Type", .value = document.type}, document.body);
}

}  // namespace eg::gate
