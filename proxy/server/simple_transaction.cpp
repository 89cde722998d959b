#include "proxy/server/simple_transaction.h"

#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/http/status.h"
#include "proxy/http/write.h"
#include "proxy/server/worker.h"

namespace eg::server {

namespace {

constexpr auto kBodyTimeout = Milliseconds(30'000);
constexpr std::size_t kHeadBytes = 72 * 1024;

std::string hash_of(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned length = 0;
    if (certificate == nullptr ||
        X509_digest(certificate, EVP_sha256(), hash.data(), &length) != 1) {
        return {};
    }
    return {reinterpret_cast<const char*>(hash.data()), length};
}

unsigned status_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::too_large:
            return 431;
        case ErrorCode::unsupported:
            return 505;
        case ErrorCode::timed_out:
            return 408;
        default:
            return 400;
    }
}

}  // namespace

Reply::~Reply() {
    // `target_` is empty in a moved-from Reply.
    if (alive()) {
        (*target_)->answer({.status = 500, .fields = {}, .body = {}, .source = nullptr});
    }
}

void Reply::send(SimpleResponse response) {
    if (alive()) {
        (*target_)->answer(std::move(response));
    }
}

void Reply::send_later(Milliseconds wait, std::function<SimpleResponse()> late) {
    if (alive()) {
        (*target_)->answer_later(wait, std::move(late));
    }
}

bool Reply::alive() const {
    return target_ != nullptr && *target_ != nullptr && (*target_)->unanswered();
}

SimpleTransaction::SimpleTransaction(Connection& connection, Handler& handler)
    : connection_(connection),
      handler_(handler),
      self_(std::make_shared<SimpleTransaction*>(this)),
      write_timeout_(connection.service().settings().write_timeout) {}

SimpleTransaction::~SimpleTransaction() {
    *self_ = nullptr;
}

void SimpleTransaction::begin(const http::RequestHead& head) {
    keep_ = http::keeps_alive(head.fields, head.minor_version);
    const auto framing = http::request_framing(head);
    if (!framing) {
        refuse(400);
        return;
    }
    body_limit_ = handler_.body_limit(head);
    if (framing->kind == http::Framing::Kind::length && framing->length > body_limit_) {
        refuse(413);
        return;
    }
    // The head must survive until the body is there: write it anew into memory of our own.
    std::string text(kHeadBytes, '\0');
    http::HeadWriter writer(text);
    writer.request_line(head.method_text, head.path, head.has_query, head.query);
    bool has_host = false;
    for (const auto& field : head.fields) {
        writer.field(field.name, field.value);
        has_host = has_host || field.id == http::FieldName::host;
    }
    if (!has_host) {
        writer.field("Host", "localhost");
    }
    writer.end();
    text.resize(writer.written().size());
    head_text_ = text;
    http::HeadScan scan;
    const http::HeadLimits limits{.bytes = kHeadBytes, .count = head.fields.size() + 1};
    const auto parsed = http::parse_request_head(head_text_, limits, scan, head_);
    if (writer.failed() || !parsed || *parsed == 0) {
        refuse(400);
        return;
    }
    body_reader_ = http::BodyReader(*framing, Side::client);
    const auto* expect = head_.fields.find(http::FieldName::expect);
    if (expect != nullptr && framing->kind != http::Framing::Kind::none) {
        const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        if (!iequals(expect->value, "100-continue") ||
            connection_.stream().write({&go_on, 1}).bytes != go_on.size()) {
            refuse(417);
            return;
        }
    }
    connection_.deadline().arm(kBodyTimeout);
}

void SimpleTransaction::reject(const Error& error) {
    refuse(status_of(error));
}

void SimpleTransaction::refuse(unsigned status) {
    keep_ = false;
    state_ = State::handling;
    answer({.status = status,
            .fields = {{"Content-Type", "text/plain; charset=utf-8"}},
            .body = std::string(http::plain_body(status)),
            .source = nullptr});
}

void SimpleTransaction::advance() {
    if (state_ == State::reading_body) {
        read_body();
    }
    if (state_ == State::handling) {
        if (connection_.input().empty()) {
            connection_.fill();  // notices a client that hangs up
        }
        if (connection_.client_left()) {
            broken_ = true;
            state_ = State::done;
            return;
        }
        if (late_ && connection_.deadline().passed()) {
            answer(late_());
        }
    }
    if (state_ == State::sending) {
        send();
    }
}

void SimpleTransaction::read_body() {
    auto& input = connection_.input();
    while (!body_reader_.done()) {
        const auto piece = body_reader_.next(input.view());
        if (!piece) {
            refuse(400);
            return;
        }
        body_ += piece->data;
        input.consume(piece->consumed);
        if (body_.size() > body_limit_) {
            refuse(413);
            return;
        }
        if (piece->consumed != 0 || body_reader_.done()) {
            continue;
        }
        const auto status = connection_.fill();
        if (connection_.client_left() || connection_.deadline().passed()) {
            broken_ = true;
            state_ = State::done;
            return;
        }
        if (status == net::IoStatus::again) {
            return;
        }
    }
    handle();
}

void SimpleTransaction::handle() {
    connection_.deadline().disarm();
    state_ = State::handling;
    const std::string hash = hash_of(connection_.certificate());
    const SimpleRequest request{.head = head_,
                                .body = body_,
                                .certificate_hash = hash,
                                .request_id = head_.fields.value(http::FieldName::x_request_id),
                                .client = connection_.peer().address};
    handler_.handle(request, Reply(self_));
    body_.clear();
    body_.shrink_to_fit();
    if (state_ == State::handling) {
        connection_.park();
    }
}

void SimpleTransaction::answer_later(Milliseconds wait, std::function<SimpleResponse()> late) {
    late_ = std::move(late);
    connection_.deadline().arm(wait);
}

void SimpleTransaction::answer(SimpleResponse response) {
    EG_CHECK(state_ == State::handling);
    state_ = State::sending;
    late_ = nullptr;
    source_ = std::move(response.source);
    write_head(response);
    if (head_.method != http::Method::head && source_ == nullptr) {
        out_ += response.body;
    }
    if (head_.method == http::Method::head) {
        source_.reset();
    }
    connection_.deadline().arm(write_timeout_);
    connection_.advance();
}

void SimpleTransaction::write_head(const SimpleResponse& response) {
    std::array<char, 8 * 1024> memory;
    http::HeadWriter writer(memory);
    writer.status_line(response.status);
    for (const auto& [name, value] : response.fields) {
        writer.field(name, value);
    }
    const bool bodiless = response.status == 204 || response.status == 304;
    if (source_ != nullptr) {
        chunked_ = head_.minor_version >= 1;
        keep_ = keep_ && chunked_;
        if (chunked_) {
            writer.field("Transfer-Encoding", "chunked");
        }
    } else if (!bodiless) {
        writer.field("Content-Length", response.body.size());
    }
    if (!keep_) {
        writer.field("Connection", "close");
    }
    writer.end();
    EG_CHECK(!writer.failed());
    out_ = writer.written();
}

bool SimpleTransaction::next_piece() {
    std::string piece;
    bool failed = false;
    const bool more = source_->read(piece, failed);
    if (failed) {
        broken_ = true;  // without its end the client sees that the answer isn't whole
        source_.reset();
        return false;
    }
    if (!piece.empty() && chunked_) {
        std::array<char, 18> size;
        out_.append(size.data(), http::write_chunk_size(piece.size(), size));
    }
    out_ += piece;
    if (!piece.empty() && chunked_) {
        out_ += "\r\n";
    }
    if (!more) {
        source_.reset();
        if (chunked_) {
            out_ += http::kLastChunk;
        }
    }
    return true;
}

bool SimpleTransaction::write_out() {
    while (sent_ < out_.size()) {
        const std::string_view rest = std::string_view(out_).substr(sent_);
        const auto result = connection_.stream().write({&rest, 1});
        if (result.status == net::IoStatus::again && !connection_.deadline().passed()) {
            return false;
        }
        if (result.status != net::IoStatus::ok) {
            broken_ = true;
            state_ = State::done;
            return false;
        }
        sent_ += result.bytes;
        connection_.deadline().arm(write_timeout_);
    }
    out_.clear();
    sent_ = 0;
    return true;
}

void SimpleTransaction::send() {
    constexpr int kPiecesPerTurn = 16;
    for (int pieces = 0; write_out();) {
        if (source_ == nullptr) {
            state_ = State::done;
            return;
        }
        if (++pieces > kPiecesPerTurn) {
            // Others get their turn; a message brings us back.
            connection_.worker().post([self = self_] {
                if (*self != nullptr) {
                    (*self)->connection_.advance();
                }
            });
            return;
        }
        if (!next_piece()) {
            state_ = State::done;
            return;
        }
    }
}

}  // namespace eg::server
