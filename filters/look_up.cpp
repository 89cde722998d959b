#include "filters/look_up.h"

#include <optional>

#include "proxy/base/check.h"
#include "proxy/device/id_key.h"
#include "proxy/http/target.h"

namespace eg::filters {

namespace {

constexpr const char* kReading = "request";
constexpr const char* kReadingQuestion = "Can the request be read, and in one way only?";

/// Under which the device of a request is found; made once, for it means work.
using DeviceKey = std::optional<device::IdKey>;

/// Fills the judgement with what the request says, and `key` if it may name a device. False, with
/// the verdict set, if it can't be read.
bool read(const http::RequestHead& head, const Surroundings& around, Judgement& judgement,
          DeviceKey& key) {
    const auto unreadable = [&judgement](const char* what) {
        judgement = Judgement{.verdict = refuse(Reason::bad_request, kReading), .detail = what};
        return false;
    };
    // The paths of ActiveSync are plain, letter by letter. "*" is the target of an OPTIONS that
    // asks for no path: readable, and not published.
    judgement.service = service_of(head.path, *around.rules);
    if (judgement.service != Service::active_sync && head.path != "*" &&
        !http::is_plain_path(head.path)) {
        return unreadable("a path that can be read in two ways");
    }
    if (judgement.service == Service::active_sync) {
        if (const Result<void> done = eas::parse_request(head, judgement.eas); !done) {
            return unreadable(done.error().what);
        }
        key.emplace(judgement.eas.device_id);
        judgement.device = judgement.eas.has_device_id ? key->hash() : 0;
        if (around.devices != nullptr) {
            around.devices->prefetch(*key);  // on its way while the credential is read
        }
    }
    if (const Result<void> done = read_claims(head, judgement.claims); !done) {
        return unreadable(done.error().what);
    }
    return true;
}

/// The facts about a request that was read; they point into all three.
Facts look_up(const http::RequestHead& head, const Surroundings& around, Judgement& judgement,
              const DeviceKey& key) {
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
            facts.device = around.devices->find(*key);
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
    DeviceKey key;
    if (read(head, around, judgement, key)) {
        judgement.verdict = judge(look_up(head, around, judgement, key));
    }
    return judgement;
}

Explanation explain_request(const http::RequestHead& head, const Surroundings& around) {
    EG_CHECK(around.rules != nullptr);
    Explanation explanation;
    Judgement& judgement = explanation.judgement;
    DeviceKey key;
    if (!read(head, around, judgement, key)) {
        explanation.lines.push_back({kReading, kReadingQuestion, judgement.verdict.reason});
        return explanation;
    }
    const Facts facts = look_up(head, around, judgement, key);
    judgement.verdict = judge(facts);
    explanation.lines.push_back({kReading, kReadingQuestion, Reason::none});
    const std::vector<TraceLine> asked = trace(facts);
    explanation.lines.insert(explanation.lines.end(), asked.begin(), asked.end());
    return explanation;
}

}  // namespace eg::filters
