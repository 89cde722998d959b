/// A Transaction that reads a whole bounded body, asks a Handler, and sends its answer.
#pragma once

#include <memory>
#include <string>

#include "proxy/http/framing.h"
#include "proxy/server/connection.h"
#include "proxy/server/service.h"
#include "proxy/server/simple.h"

namespace eg::server {

class SimpleTransaction final : public Transaction {
  public:
    SimpleTransaction(Connection& connection, Handler& handler);
    ~SimpleTransaction() override;

    void begin(const http::RequestHead& head) override;
    void reject(const Error& error) override;
    void advance() override;
    [[nodiscard]] bool finished() const override { return state_ == State::done; }
    [[nodiscard]] bool keeps_connection() const override { return keep_ && !broken_; }

    // For Reply.
    void answer(SimpleResponse response);
    void answer_later(Milliseconds wait, std::function<SimpleResponse()> late);
    [[nodiscard]] bool unanswered() const { return state_ == State::handling; }

  private:
    enum class State : std::uint8_t { reading_body, handling, sending, done };
    void read_body();
    void handle();
    /// True when nothing is left of out_.
    bool write_out();
    void send();
    void refuse(unsigned status);
    void write_head(const SimpleResponse& response);
    bool next_piece();

    Connection& connection_;
    Handler& handler_;
    std::shared_ptr<SimpleTransaction*> self_;
    std::string head_text_;
    http::RequestHead head_;  // views into head_text_
    http::BodyReader body_reader_;
    std::string body_;
    std::size_t body_limit_ = 0;
    std::string out_;
    std::size_t sent_ = 0;
    std::unique_ptr<BodySource> source_;
    std::function<SimpleResponse()> late_;
    Milliseconds write_timeout_;
    State state_ = State::reading_body;
    bool keep_ = false;
    bool broken_ = false;
    bool chunked_ = false;
};

/// A Service whose requests all go to one Handler.
class SimpleService final : public Service {
  public:
    /// `handler` outlives the service.
    SimpleService(ServiceSettings settings, Handler& handler)
        : Service(std::move(settings)), handler_(handler) {}
    std::unique_ptr<Transaction> make_transaction(Connection& connection) override {
        return std::make_unique<SimpleTransaction>(connection, handler_);
    }

  private:
    Handler& handler_;
};

}  // namespace eg::server
