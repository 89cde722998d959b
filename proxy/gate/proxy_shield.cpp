// What a ProxyTransaction does for the lock-out shield.
#include "proxy/base/text.h"
#include "proxy/gate/lockout_shield.h"
#include "proxy/gate/proxy_transaction.h"

namespace eg::gate {

using filters::Reason;

namespace {

constexpr std::size_t kMostChallengeBytes = 2'048;

/// The challenge of a 401 as lines of a head. Fields that would make it too long are left out.
std::string challenge_of(const http::ResponseHead& head) {
    constexpr std::string_view kName = "WWW-Authenticate: ";
    constexpr std::string_view kEnd = "\r\n";
    std::string lines;
    for (const http::Field& field : head.fields) {
        const std::size_t bytes = kName.size() + field.value.size() + kEnd.size();
        if (field.id == http::FieldName::www_authenticate &&
            lines.size() + bytes <= kMostChallengeBytes) {
            lines.append(kName).append(field.value).append(kEnd);
        }
    }
    return lines;
}

}  // namespace

bool ProxyTransaction::answer_shielded(const http::RequestHead& head) {
    // Only a password locks an account. A token doesn't, and the mail server may accept it a
    // moment later (its clock, its signing keys); NTLM and Negotiate never say the same twice.
    if (claims_.credential != filters::Credential::basic) {
        return false;
    }
    LockoutShield& shield = *service_.slot().shield;
    shield_mark_ = shield.mark(head.fields.value(http::FieldName::authorization), held_.device,
                               static_cast<unsigned>(published_));
    const auto challenge =
        shield.find(shield_mark_, held_.device, service_.worker().loop->now_ms());
    if (challenge == nullptr) {
        return false;
    }
    answer(filters::refuse(Reason::lockout_shield, "lockout_shield"));
    add_to_answer(*challenge);
    return true;
}

void ProxyTransaction::note_refused_credential(const http::ResponseHead& head) {
    LockoutShield* shield = service_.slot().shield.get();
    if (shield == nullptr || shield_mark_.empty()) {
        return;
    }
    if (status_ == 401) {
        shield->add(shield_mark_,
                    {.device = held_.device,
                     .device_id = eas_.device_id,
                     .user = claims_.names.empty() ? std::string_view() : claims_.names.front()},
                    challenge_of(head), service_.worker().loop->now_ms());
    } else if (status_ >= 200 && status_ < 300) {
        shield->forget(shield_mark_, held_.device);
    }
}

}  // namespace eg::gate
