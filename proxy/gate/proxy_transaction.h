/// The life of a proxied request, as a state table. Read kSteps in proxy_transaction.cpp first.
///
/// Thread: its worker's. Lifetime: owned by the client connection from the head to the end of the
/// answer.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "filters/autodiscover/answer.h"
#include "filters/eas/status_document.h"
#include "filters/look_up.h"
#include "filters/verdict.h"
#include "proxy/gate/body_look.h"
#include "proxy/gate/held.h"
#include "proxy/gate/lockout_shield.h"
#include "proxy/gate/proxy_service.h"
#include "proxy/gate/rate_table.h"
#include "proxy/gate/relay.h"
#include "proxy/gate/spool.h"
#include "proxy/http/framing.h"
#include "proxy/http/parse.h"
#include "proxy/server/connection.h"
#include "proxy/server/transaction.h"
#include "proxy/upstream/connection.h"

namespace eg::gate {

class ProxyTransaction final : public server::Transaction {
  public:
    ProxyTransaction(ProxyService& service, server::Connection& connection);
    ~ProxyTransaction() override;
    // One a request: the memory of those that ended waits for the next ones of the thread.
    static void* operator new(std::size_t bytes);
    static void operator delete(void* memory) noexcept;

    void begin(const http::RequestHead& head) override;
    void reject(const Error& error) override;
    void advance() override;
    [[nodiscard]] bool finished() const override { return state_ == State::done; }
    [[nodiscard]] bool keeps_connection() const override { return keep_client_; }

    /// For a held request: ends it with an answer of ours if the device or its user is no longer
    /// permitted by the slot's settled table. One that was judged by that or a newer one stays.
    void judge_again();
    /// For a held request: ends it for `reason`, by an answer that its client takes for "nothing
    /// new" where there is one (proxy_ending.cpp), else by the one that belongs to the reason.
    void end_held(filters::Reason reason);

  private:
    enum class State : std::uint8_t {
        judging,
        peeking,
        spooling,
        connecting,
        relaying,
        answering,
        dropping,
        done
    };
    enum class Next : std::uint8_t { again, wait };
    /// Whom a relaying transaction waits for; each has its patience.
    enum class Waiting : std::uint8_t {
        nobody,
        client_body,
        upstream_takes,
        answer,
        answer_body,
        client_takes
    };
    struct Step {
        State state;
        const char* name;
        Next (ProxyTransaction::*run)();
    };
    static const std::array<Step, 8> kSteps;

    // The steps.
    Next judging() { return Next::wait; }
    Next peek_at_body();
    Next read_more_body();
    Next spool_body();
    Next connect_upstream();
    Next relay_both_ways();
    Next write_answer();
    Next drop_body();
    Next rest() { return Next::wait; }

    // Judging (proxy_judge.cpp).
    void name_request();
    [[nodiscard]] filters::Verdict judge(const http::RequestHead& head);
    /// What the filters say by a table of states; what observe mode lets pass is noted.
    [[nodiscard]] filters::Reason judge_states(const device::DeviceTable* table,
                                               std::uint64_t version);
    [[nodiscard]] filters::Verdict check_message(const http::RequestHead& head);
    [[nodiscard]] filters::Verdict check_certificate();
    [[nodiscard]] bool judges_user_agents() const;
    /// Starts to fetch from memory what is noted of the device when the answer has come.
    void fetch_notes_ahead() const;
    [[nodiscard]] bool needs_peek() const;
    /// The largest body that is sent on, in bytes; 0 = any.
    [[nodiscard]] std::uint64_t most_body() const;
    [[nodiscard]] bool prepare_upstream_head(const http::RequestHead& head);

    // Bodies that are judged whole, and what is answered from them (proxy_look.cpp).
    [[nodiscard]] bool looks_up() const;
    [[nodiscard]] bool answers_autodiscover() const;
    void begin_look();
    Next look_at_body();
    void answer_autodiscover_head(const http::RequestHead& head);
    void answer_autodiscover(const filters::autodiscover::Answer& document);

    // Bodies whose length must be known first (proxy_spool.cpp).
    [[nodiscard]] bool spools() const;
    [[nodiscard]] std::uint64_t most_spooled() const;
    void body_is_spooled();
    void spool_failed(Spool::Status status);
    void drop_spool();
    /// What the Relay of the request reads from.
    [[nodiscard]] net::Stream& request_source() {
        return spool_ != nullptr ? *spool_ : connection_.stream();
    }
    [[nodiscard]] net::Buffer& request_input() {
        return spool_ != nullptr ? spool_->input() : connection_.input();
    }
    /// The request won't be sent again.
    void release_request();

    // Traveler (proxy_services.cpp).
    void count_unidentified(const filters::Verdict& verdict);
    void note_traveler_device();

    // Lock-out shield (proxy_shield.cpp).
    /// True if the mail server refused the same credential before, and so the answer is ours. The
    /// slot has a shield.
    [[nodiscard]] bool answer_shielded(const http::RequestHead& head);
    void note_refused_credential(const http::ResponseHead& head);

    // Limits (proxy_limits.cpp). True if the request is over one, and so the answer is ours.
    /// Of the address; `rates` null: requests aren't counted.
    [[nodiscard]] bool answer_crowd(RateTable* rates);
    /// Of device and user.
    [[nodiscard]] bool answer_frequent(const http::RequestHead& head, RateTable& rates);
    [[nodiscard]] bool answer_too_many(RateTable& rates, std::uint64_t key, unsigned limit,
                                       filters::Reason reason);

    // How a held request ends, and refusals in WBXML (proxy_ending.cpp).
    void note_waiting_sync();
    [[nodiscard]] bool ends_empty() const;
    [[nodiscard]] filters::eas::StatusDocument refusal_document(
        const filters::Verdict& verdict) const;

    /// Those to which the lists of an answer are narrowed, or null.
    [[nodiscard]] const filters::eas::VersionSet* versions_for(const http::ResponseHead& head);

    // Device bindings (proxy_binding.cpp).
    [[nodiscard]] const device::KeyHash* client_key();
    void note_binding();
    /// The slot has bindings.
    void note_held();
    void note_released();

    // Relaying.
    bool send_request();
    void request_sent();
    bool read_answer_head();
    /// While the answer is awaited: false once the client is known to have left.
    bool client_stays();
    bool begin_answer(const http::ResponseHead& head);
    /// For 451 and 3xx (proxy_redirect.cpp): true if the answer became one of ours.
    bool answer_redirect(const http::ResponseHead& head);
    bool send_answer();
    void note_sign_in();
    void note_user_agent();
    void upstream_failed(const char* what, const net::IoResult& how);
    bool retry();
    void take_upstream(bool fresh);
    void drop_upstream();
    void settle_upstream();
    void wait_for(Waiting whom);
    void patience_ended();
    void park();
    [[nodiscard]] bool is_long_wait() const;
    /// Whether the client was too slow, if in the time that it was waited for so many bytes moved.
    [[nodiscard]] bool is_below_rate(std::uint64_t bytes) const;
    void count_body_wait();
    void client_vanished();
    [[nodiscard]] ClientNotes& notes();

    // Answers of our own, and the end (proxy_answer.cpp).
    /// `extra`: one more field; then the answer has no body. Its value is clean, and at most 3 KiB.
    void answer(const filters::Verdict& verdict, http::Field extra = {});
    /// More lines for the head of the answer that answer() has just made.
    void add_to_answer(std::string_view lines);
    /// `type`: a field for the body, or none.
    void answer_with(const filters::Verdict& verdict, std::uint16_t status, http::Field type,
                     std::string_view body);
    void finish();
    void leave_held();
    void log_access();

    ProxyService& service_;
    server::Connection& connection_;
    std::unique_ptr<upstream::UpstreamConnection> upstream_;
    Relay request_;
    Relay response_;
    HeldIndex::Node held_;  // its `device` is that of the request, held or not
    filters::eas::EasRequest eas_;
    filters::Claims claims_;
    std::unique_ptr<BodyLook> look_;  // while the body is judged whole
    std::unique_ptr<Spool> spool_;    // until the request is sent for good
    ShortText user_agent_;
    http::BodyReader body_;  // of the request, while we look at it or drop it ourselves
    http::Framing framing_;
    http::HeadScan answer_scan_;
    net::Buffer upstream_head_;  // written while judging, given to request_
    std::string local_answer_;   // while an Autodiscover body is read: the URL to answer with
    std::chrono::system_clock::time_point began_wall_;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point asked_;  // the head went upstream
    std::chrono::microseconds upstream_time_{};
    std::int64_t answer_due_ms_ = 0;
    std::int64_t body_waited_ms_ = 0;  // time in which we waited for the client to send, or to take
    std::int64_t body_wait_began_ms_ = 0;
    std::uint64_t dropped_bytes_ = 0;
    std::uint64_t answer_sent_ = 0;
    std::uint64_t progress_ = 0;   // bytes moved when the present patience began
    std::uint64_t judged_by_ = 0;  // version of the table of the last verdict
    std::array<char, 16> request_id_;
    LockoutShield::Mark shield_mark_;  // of the credential, where there is a shield
    filters::Verdict verdict_;
    filters::Reason observed_ = filters::Reason::none;  // observe mode let it pass in spite of this
    std::uint16_t status_ = 0;
    std::uint8_t interim_answers_ = 0;
    filters::Service published_ = filters::Service::none;
    State state_ = State::judging;
    Waiting waiting_ = Waiting::nobody;
    bool http10_ = false;
    bool expects_continue_ = false;
    bool keep_client_ = false;
    bool keep_upstream_ = false;
    bool answer_begun_ = false;
    bool early_answer_ = false;
    bool connection_bound_ = false;  // NTLM or Negotiate
    bool parked_ = false;
    bool permitted_ = false;  // the filters allowed it, whatever became of it then
    bool logged_ = false;
    bool waiting_sync_ = false;  // its body does nothing but wait
    http::Method method_ = http::Method::other;
};
static_assert(sizeof(ProxyTransaction) <= 1280);

}  // namespace eg::gate
