#include "filters/look_up.h"

#include <algorithm>
#include <optional>
#include <string>

#include "filters/names.h"
#include "filters/traveler/request.h"
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
    } else if (judgement.service == Service::traveler) {
        const Result<std::string> device = traveler::device_of(head, *around.rules);
        if (!device) {
            return unreadable(device.error().what);
        }
        judgement.eas.has_device_id = !device->empty();
        judgement.eas.device_id = *device;
        if (judgement.eas.has_device_id) {
            key.emplace(judgement.eas.device_id);  // which outlives it
            judgement.device = key->hash();
        }
    } else if ((judgement.service == Service::ews || judgement.service == Service::autodiscover) &&
               head.query.find('?') != std::string_view::npos) {
        return unreadable("a second '?' in the request target");
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
    const bool cookie_only = judgement.claims.credential == Credential::none &&
                             head.fields.find(http::FieldName::cookie) != nullptr;
    if (judgement.service == Service::traveler && cookie_only) {
        // It may be a sign-in of Domino's, of whoever it is.
        judgement.claims.unreadable = true;
    }
    if (judgement.service == Service::active_sync) {
        facts.eas = &judgement.eas;
    }
    facts.device_named = judgement.eas.has_device_id;
    if (around.devices != nullptr && facts.device_named) {
        facts.device = around.devices->find(*key);
    }
    facts.client_key = around.client_key;
    if (facts.device && around.find_binding) {
        find_binding(facts, around.find_binding);
    }
    if (const http::Field* field = head.fields.find(http::FieldName::user_agent)) {
        facts.has_user_agent = true;
        facts.user_agent = field->value;
    } else if (judgement.eas.has_device_id && around.learned_user_agent) {
        facts.user_agent = around.learned_user_agent(judgement.eas.device_id);
        facts.has_user_agent = !facts.user_agent.empty();
    }
    judgement.user_agent = facts.user_agent;
    if (judgement.service == Service::traveler && !facts.device_named &&
        around.rules->traveler_unidentified == config::TravelerUnidentified::learned) {
        facts.traveler_learned =
            !cookie_only && is_learned(judgement.claims, facts.user_agent, around);
    }
    return facts;
}

}  // namespace

bool is_learned(const Claims& claims, std::string_view user_agent, const Surroundings& around) {
    if (claims.credential == Credential::none && around.connection_name.empty() &&
        !around.connection_unreadable) {
        return true;
    }
    if (claims.names.empty() || around.devices == nullptr || !around.traveler_devices) {
        return false;
    }
    const auto devices =
        around.traveler_devices(claims.names.front(), traveler::agent_family(user_agent));
    return std::ranges::any_of(devices, [&](const std::string& id) {
        const auto record = around.devices->find(id);
        const auto is_listed = [&](std::string_view name) {
            return record->any_of_users([&](std::string_view listed) {
                return user_matches(listed, name, around.rules->user_domains);
            });
        };
        return record && record->state() == device::State::allow &&
               (record->any_user() ||
                (std::all_of(claims.names.begin(), claims.names.end(), is_listed) &&
                 (around.connection_name.empty() || is_listed(around.connection_name))));
    });
}

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
