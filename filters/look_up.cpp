#include "filters/look_up.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/target.h"

namespace eg::filters {

namespace {

constexpr const char* kReading = "request";
constexpr const char* kReadingQuestion = "Can the request be read, and in one way only?";

/// Fills the judgement with what the request says. False, with the verdict set, if it can't be
/// read.
bool read(const http::RequestHead& head, const Rules& rules, Judgement& judgement) {
    const auto unreadable = [&judgement](const char* what) {
        judgement = Judgement{.verdict = refuse(Reason::bad_request, kReading), .detail = what};
        return false;
    };
    // "*" is the target of an OPTIONS that asks for no path: readable, and not published.
    if (head.path != "*" && !http::is_plain_path(head.path)) {
        return unreadable("a path that can be read in two ways");
    }
    judgement.service = service_of(head.path, rules);
    if (judgement.service == Service::active_sync) {
        Result<eas::EasRequest> request = eas::parse_request(head);
        if (!request) {
            return unreadable(request.error().what);
        }
        judgement.eas = std::move(*request);
    }
    Result<Claims> claims = read_claims(head);
    if (!claims) {
        return unreadable(claims.error().what);
    }
    judgement.claims = std::move(*claims);
    return true;
}

/// The facts about a request that was read; they point into all three.
Facts look_up(const http::RequestHead& head, const Surroundings& around, Judgement& judgement) {
    Facts facts{.rules = around.rules,
                .head = &head,
                .service = judgement.service,
                .age = around.age,
                .claims = &judgement.claims,
                .connection_name = around.connection_name,
                .connection_unreadable = around.connection_unreadable,
                .certificate_names = around.certificate_names,
                .devices = around.devices};
    if (judgement.service == Service::active_sync) {
        facts.eas = &judgement.eas;
        if (around.devices != nullptr && judgement.eas.has_device_id) {
            facts.device = around.devices->find(judgement.eas.device_id);
        }
    }
    if (const http::Field* field = head.fields.find(http::FieldName::user_agent)) {
        facts.has_user_agent = true;
        facts.user_agent = field->value;
    } else if (judgement.eas.has_device_id && around.learned_user_agent) {
        facts.user_agent = around.learned_user_agent(judgement.eas.device_id);
        facts.has_user_agent = !facts.user_agent.empty();
    }
    judgement.user_agent = facts.user_agent;
    return facts;
}

}  // namespace

std::string_view Judgement::user() const {
    return claims.names.empty() ? std::string_view(eas.user) : claims.names.front();
}

Judgement judge_request(const http::RequestHead& head, const Surroundings& around) {
    EG_CHECK(around.rules != nullptr);
    Judgement judgement;
    if (read(head, *around.rules, judgement)) {
        judgement.verdict = judge(look_up(head, around, judgement));
    }
    return judgement;
}

Explanation explain_request(const http::RequestHead& head, const Surroundings& around) {
    EG_CHECK(around.rules != nullptr);
    Explanation explanation;
    Judgement& judgement = explanation.judgement;
    if (!read(head, *around.rules, judgement)) {
        explanation.lines.push_back({kReading, kReadingQuestion, judgement.verdict.reason});
        return explanation;
    }
    const Facts facts = look_up(head, around, judgement);
    judgement.verdict = judge(facts);
    explanation.lines.push_back({kReading, kReadingQuestion, Reason::none});
    const std::vector<TraceLine> asked = trace(facts);
    explanation.lines.insert(explanation.lines.end(), asked.begin(), asked.end());
    return explanation;
}

}  // namespace eg::filters
