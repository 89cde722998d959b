#include "proxy/commands/explain_body.h"

#include "filters/eas/document_lookup.h"
#include "filters/ews/soap.h"
#include "filters/ews_filter.h"
#include "proxy/base/text.h"

namespace eg::commands {

namespace {

template <typename Judge>
void judge_body(Judge judge, std::string_view body, const char* question, const char* filter,
                filters::Explanation& explanation) {
    filters::Reason reason = judge.feed(body);
    if (reason == filters::Reason::none) {
        reason = judge.finish();
    }
    explanation.lines.push_back({filter, question, reason});
    if (reason != filters::Reason::none && explanation.judgement.verdict.allowed()) {
        explanation.judgement.verdict = filters::refuse(reason, filter);
        explanation.judgement.detail = judge.detail();
    }
}

}  // namespace

void explain_body(const http::RequestHead& head, std::string_view body, const filters::Rules& rules,
                  filters::Explanation& explanation) {
    const filters::Judgement& judgement = explanation.judgement;
    const bool soap = judgement.service == filters::Service::ews;
    const bool lookup = judgement.service == filters::Service::active_sync &&
                        head.method == http::Method::post && !rules.document_lookups &&
                        filters::eas::may_look_up_documents(judgement.eas.command);
    if ((!soap && !lookup) || !filters::announces_body(head)) {
        return;
    }
    if (trim(body).empty() || body == "\r\n") {
        explanation.lines.push_back({soap ? "ews_body" : "lookup_body",
                                     "Not asked: the body wasn't given (@FILE may hold it)",
                                     filters::Reason::none});
    } else if (soap) {
        judge_body(filters::ews::SoapJudge(rules.push_hosts), body,
                   "Is the body one permitted push subscription?", "ews_body", explanation);
    } else {
        judge_body(filters::eas::LookupJudge(judgement.eas.command), body,
                   "Does the body stay within the mailbox and the address list?", "lookup_body",
                   explanation);
    }
}

}  // namespace eg::commands
