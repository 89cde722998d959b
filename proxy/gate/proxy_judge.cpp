// The judging part of a ProxyTransaction: everything that is decided while the head is at hand.
#include <algorithm>
#include <array>
#include <string>

#include "filters/eas/query.h"
#include "filters/facts.h"
#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/gate/head_edit.h"
#include "proxy/gate/proxy_transaction.h"
#include "proxy/http/framing.h"
#include "proxy/http/write.h"

namespace eg::gate {

using filters::Reason;
using filters::Verdict;

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

constexpr std::size_t kHexDigits = 8;

void write_hex(std::uint32_t number, char* out) {
    for (std::size_t i = kHexDigits; i > 0; --i) {
        out[i - 1] = "0123456789abcdef"[number & 15U];
        number >>= 4;
    }
}

Verdict malformed() {
    return filters::refuse(Reason::malformed, "request");
}

}  // namespace

void ProxyTransaction::name_request() {
    began_wall_ = std::chrono::system_clock::now();
    auto& worker = service_.worker();
    write_hex(worker.request_prefix, request_id_.data());
    write_hex(worker.requests++, request_id_.data() + kHexDigits);
}

void ProxyTransaction::begin(const http::RequestHead& head) {
    name_request();
    method_ = head.method;
    http10_ = head.minor_version == 0;
    keep_client_ = http::keeps_alive(head.fields, head.minor_version) && !connection_.draining();

    Slot& slot = service_.slot();
    verdict_ = check_message(head);
    if (verdict_.allowed() && (connection_.crowded() || slot.rates != nullptr) &&
        answer_crowd(slot.rates.get())) {
        return;
    }
    if (verdict_.allowed()) {
        verdict_ = judge(head);
    }
    if (verdict_.allowed() && slot.rates != nullptr && answer_frequent(head, *slot.rates)) {
        return;
    }
    if (verdict_.allowed() && slot.shield != nullptr && !answers_autodiscover() &&
        answer_shielded(head)) {
        return;
    }
    if (verdict_.allowed() && published_ == filters::Service::autodiscover &&
        framing_.length > most_body()) {
        verdict_ = filters::refuse(Reason::body_too_large, "limits");
    }
    if (verdict_.allowed() && !answers_autodiscover() && !prepare_upstream_head(head)) {
        verdict_ = filters::refuse(Reason::header_too_large, "limits");
    }
    if (!verdict_.allowed()) {
        answer(verdict_);
        return;
    }
    permitted_ = true;
    body_ = http::BodyReader(framing_, Side::client);
    const bool waits_for_body = framing_.kind != http::Framing::Kind::none;
    if (expects_continue_ && waits_for_body && connection_.input().empty()) {
        if (connection_.stream().write({&kContinue, 1}).bytes != kContinue.size()) {
            client_vanished();
            return;
        }
    }
    const bool peeks = needs_peek();
    if (answers_autodiscover()) {
        answer_autodiscover_head(head);
    } else if (published_ == filters::Service::autodiscover) {
        service_.slot().metrics->autodiscover_forwarded.add();
    }
    if (state_ != State::judging) {
        return;
    }
    if (peeks) {
        begin_look();
        state_ = State::peeking;
        connection_.deadline().arm(service_.instance().limits().body_timeout);
    } else {
        state_ = spools() ? State::spooling : State::connecting;
    }
}

void ProxyTransaction::reject(const Error& error) {
    name_request();
    keep_client_ = false;
    Verdict verdict = malformed();
    if (error.code == ErrorCode::too_large) {
        verdict = filters::refuse(Reason::header_too_large, "limits");
    } else if (error.code == ErrorCode::timed_out) {
        verdict = filters::refuse(Reason::client_timeout, "head");
    }
    answer(verdict);
}

Verdict ProxyTransaction::check_message(const http::RequestHead& head) {
    const auto framing = http::request_framing(head);
    if (!framing || nominates_end_to_end(head)) {
        return malformed();
    }
    framing_ = *framing;
    const auto limit = service_.instance().limits().request_body.count;
    if (limit != 0 && framing_.length > limit) {
        return filters::refuse(Reason::body_too_large, "limits");
    }
    const auto* expect = head.fields.find(http::FieldName::expect);
    if (expect != nullptr && !http10_) {
        // RFC 9110 10.1.1: any other expectation may be answered 417.
        if (!iequals(expect->value, "100-continue") ||
            head.fields.count(http::FieldName::expect) != 1) {
            Verdict verdict = malformed();
            verdict.status = 417;
            return verdict;
        }
        expects_continue_ = true;
    }
    return {};
}

Verdict ProxyTransaction::check_certificate() {
    if (!service_.instance().settings().require_client_certificate) {
        return {};
    }
    const bool accepted = notes().certificate_accepted(service_.instance(), connection_);
    if (!accepted || notes().certificate_is_odd()) {
        keep_client_ = false;
        return filters::refuse(Reason::certificate, "certificate");
    }
    return {};
}

Verdict ProxyTransaction::judge(const http::RequestHead& head) {
    Slot& slot = service_.slot();
    if (connection_.notes() != nullptr) {
        notes().settle(service_.pool());
    }
    filters::Surroundings around;
    around.rules = &service_.instance().rules();
    around.devices = slot.table.get();
    around.age = slot.age(service_.worker().loop->now_ms());
    if (connection_.notes() != nullptr) {
        around.connection_name = notes().connection_name;
        around.connection_unreadable = notes().connection_unreadable;
    }
    if (service_.instance().settings().require_client_certificate) {
        around.certificate_names = &notes().certificate_names(connection_);
    }
    std::string learned;
    if (judges_user_agents()) {
        around.learned_user_agent = [&](std::string_view device_id) -> std::string_view {
            learned = slot.agents->of(device_id);
            return learned;
        };
    }
    if (service_.instance().rules().traveler) {
        around.traveler_devices = [&](std::string_view user, std::string_view family) {
            return slot.traveler_devices->of(user, family);
        };
    }
    if (slot.bindings != nullptr) {
        around.client_key = client_key();
        around.find_binding = [&slot](std::string_view id, device::Binding& found) {
            return slot.bindings->find(id, found);
        };
    }
    filters::Judgement judgement = filters::judge_request(head, around);
    judged_by_ = slot.states_version;
    held_.device = judgement.device;
    user_agent_ = judgement.user_agent;
    published_ = judgement.service;
    eas_ = std::move(judgement.eas);
    claims_ = std::move(judgement.claims);
    connection_bound_ = claims_.connection_bound;
    observed_ = judgement.verdict.observed;
    count_unidentified(judgement.verdict);
    if (judgement.verdict.allowed()) {
        return check_certificate();
    }
    fetch_notes_ahead();
    return judgement.verdict;
}

void ProxyTransaction::fetch_notes_ahead() const {
    if (eas_.has_device_id) {
        const Slot& slot = service_.slot();
        slot.sightings.prefetch(held_.device);
        if (judges_user_agents()) {
            slot.agents->prefetch(held_.device);
        }
    }
}

bool ProxyTransaction::judges_user_agents() const {
    const auto& table = service_.slot().table;
    return service_.instance().rules().user_agents ||
           (table != nullptr && table->policy().only_secure_email);
}

bool ProxyTransaction::needs_peek() const {
    using Kind = http::Framing::Kind;
    const bool empty =
        framing_.kind == Kind::none || (framing_.kind == Kind::length && framing_.length == 0);
    const bool judged_by_body = published_ == filters::Service::active_sync ||
                                published_ == filters::Service::ews || answers_autodiscover();
    return judged_by_body && method_ == http::Method::post && !empty;
}

std::uint64_t ProxyTransaction::most_body() const {
    const std::uint64_t most = service_.instance().limits().request_body.count;
    // A request of Autodiscover names an address and a schema.
    return published_ != filters::Service::autodiscover || (most != 0 && most < kMostLookedAt)
               ? most
               : kMostLookedAt;
}

std::uint64_t ProxyTransaction::most_spooled() const {
    const std::uint64_t most = service_.instance().limits().spool_body.count;
    return most_body() == 0 ? most : std::min(most, most_body());
}

bool ProxyTransaction::prepare_upstream_head(const http::RequestHead& head) {
    std::array<char, IpAddress::kTextBytes> client;
    std::string query;  // next to never
    if (published_ == filters::Service::active_sync && eas_.respelled) {
        query = filters::eas::respell_query(head.query);
    }
    const RequestEdit edit{.path = filters::upstream_path(published_, head.path),
                           .query = query,
                           .host = service_.instance().upstream_host(),
                           .client = connection_.peer().address.write(client),
                           .request_id = {request_id_.data(), request_id_.size()},
                           .https = connection_.is_tls(),
                           .framing = framing_,
                           .length_follows = spools()};
    const auto length = write_upstream_head(head, edit, upstream_head_.space());
    upstream_head_.commit(length.value_or(0));
    return length.has_value();
}

void ProxyTransaction::judge_again() {
    Slot& slot = service_.slot();
    if (judged_by_ >= slot.settled_version) {
        return;
    }
    const Reason reason = judge_states(slot.settled.get(), slot.settled_version);
    if (reason != Reason::none) {
        slot.metrics->held_ended_by_change.add();
        end_held(reason);
    }
}

Reason ProxyTransaction::judge_states(const device::DeviceTable* table, std::uint64_t version) {
    filters::Facts facts;
    facts.rules = &service_.instance().rules();
    facts.service = published_;
    facts.age = filters::StateAge::fresh;
    facts.eas = published_ == filters::Service::active_sync ? &eas_ : nullptr;
    facts.claims = &claims_;
    facts.devices = table;
    facts.user_agent = user_agent_;
    facts.has_user_agent = !user_agent_.empty();
    facts.device_named = eas_.has_device_id;
    facts.traveler_learned = true;  // what was learned isn't asked again
    if (table != nullptr && eas_.has_device_id) {
        facts.device = table->find(eas_.device_id);
    }
    if (connection_.notes() != nullptr) {
        facts.connection_name = notes().connection_name;
        facts.connection_unreadable = notes().connection_unreadable;
    }
    if (service_.instance().settings().require_client_certificate) {
        facts.certificate_names = &notes().certificate_names(connection_);
    }
    Slot& slot = service_.slot();
    if (facts.device && slot.bindings != nullptr) {
        facts.client_key = client_key();
        filters::find_binding(facts, [&slot](std::string_view id, device::Binding& found) {
            return slot.bindings->find(id, found);
        });
    }
    judged_by_ = version;
    for (const auto& filter : filters::filters()) {
        const std::string_view name = filter.name;
        const bool about_states = name == "device" || name == "traveler" || name == "user" ||
                                  name == "binding" || name == "secure_email";
        const Reason reason = about_states ? filter.judge(facts) : Reason::none;
        if (reason != Reason::none && filters::is_relaxed(filter, facts)) {
            observed_ = observed_ == Reason::none ? reason : observed_;
        } else if (reason != Reason::none) {
            return reason;
        }
    }
    return Reason::none;
}

}  // namespace eg::gate
